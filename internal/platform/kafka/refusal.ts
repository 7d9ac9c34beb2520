// Why a broker turns this client away, in words that say what to do. The call that fails often knows only that no broker answered: the
// reason came earlier, as an event of the connection. Used by consumer.ts, producer.ts and admin.ts.
import { AppError } from "../../kernel/errors.ts";
import { accessText } from "../../messaging/access-denied.ts";

/** librdkafka's words. Its codes differ between the error and the line in its log, and one of the two may be missing. */
const SSL =
  /SSL handshake failed|SSL transport error|SSL_ERROR|ssl_client_method|certificate verify failed|alert/;
const SIGN_IN = /SASL authentication error|Authentication failed/i;

const SSL_HINT =
  "correct KAFKA_CA_FILE (who signed the brokers' certificates) or KAFKA_CERT_FILE and KAFKA_KEY_FILE (which the brokers must know)";
const SIGN_IN_HINT = "correct KAFKA_USERNAME and KAFKA_PASSWORD_FILE, or create this user on the brokers";
const PROTOCOL_HINT = "does KAFKA_SECURITY_PROTOCOL fit these brokers?";
/** librdkafka's words when the other side speaks another protocol, or hangs up at the first request. */
const WRONG_PROTOCOL =
  /incorrect security\.protocol|connecting to a (SSL|PLAINTEXT)|^Disconnected.*APIVERSION_QUERY/i;

export class Refusals {
  #reason: { readonly text: string; readonly isRefused: boolean } | undefined;

  /** `text` is an error or a line of the log. */
  note(text: string): void {
    const bare = text.replace(/^\[thrd:[^\]]*\]: /, "").replace(/^\S+:\/\/\S+: |^\S+:\d+\/\S+: /, "");
    const words = bare.replace(/ \(after .*\)$/, "");
    if (WRONG_PROTOCOL.test(bare)) this.#reason = { text: `${words}: ${PROTOCOL_HINT}`, isRefused: false };
    else if (SIGN_IN.test(bare)) this.#reason = { text: `${words}: ${SIGN_IN_HINT}`, isRefused: true };
    else if (SSL.test(bare)) this.#reason = { text: `${words}: ${SSL_HINT}`, isRefused: true };
  }

  /** The error of a call that did not reach Kafka, with the reason if a broker gave one. */
  explain(error: unknown): unknown {
    const reason = this.#reason;
    if (reason === undefined || !(error instanceof AppError)) return error;
    if (error.code !== "KAFKA_UNAVAILABLE" && error.code !== "KAFKA_DENIED") return error;
    const code = reason.isRefused ? "KAFKA_DENIED" : error.code;
    return new AppError(code, `${error.message}: ${reason.text}`, { cause: error.cause });
  }
}

/** What to do about a refusal by the access lists. `account` is null if the client did not say who it is. */
export function accessHint(account: string | null): string {
  return accessText(account ?? "a client without a name", "do this");
}
