// Whose fault it is that a mail was not sent: the recipient's, the moment's, or the whole server's. Only the first ends a mail.
// Pure. Judges what nodemailer throws; called by courier.ts.
import { describeError } from "../../kernel/errors.ts";

export type SmtpFault =
  /** This mail will never be taken. `certainly` where the reply speaks of the recipient's mailbox and of nothing else. */
  | { readonly kind: "refused"; readonly certainly: boolean }
  /** Not this mail, not now: greylisting, a full mailbox. */
  | { readonly kind: "later" }
  /** The connection broke during this mail: its fault or the server's. */
  | { readonly kind: "lost" }
  /** More than the server wants at a time. */
  | { readonly kind: "slower"; readonly connections: boolean }
  /** No mail can go: the server is away, refuses our credentials, or refuses us. `verifiable`: asking without a mail shows it. */
  | { readonly kind: "unusable"; readonly verifiable: boolean };

export interface SmtpFailure {
  readonly fault: SmtpFault;
  /** For the operator. One line, without addresses: it is kept beside mails and logged, and servers repeat whom they refuse. */
  readonly reply: string;
}

const MAX_REPLY_LENGTH = 300;
/** RFC 5321, 4.2.1: from here on the server will say the same again. */
const FIRST_PERMANENT_REPLY = 500;
/** RFC 4954: authentication is missing or failed. */
const AUTHENTICATION_REPLIES: ReadonlySet<number> = new Set([530, 534, 535, 538]);
/** No two servers say this alike, and the codes (421, 450, 451, 452, 454) are those of other troubles. RFC 3463 has no class for it. */
const TOO_MUCH = /too (many|much|fast|often)|\brate\b|throttl|slow(er)? down|limit|exceed/i;
/** RFC 3463, classes 1 and 2: the address, and the mailbox. "Over quota" there is the recipient's. */
const OF_THE_RECIPIENT = /\b[45]\.[12]\.\d{1,3}\b/;
/** Refusals of us that come as the answer to a recipient: no relaying, and a day's allowance used up. */
const OF_US = /\brelay|5\.7\.(54|57|60|64)\b|(sending|daily|hourly|message) (rate|limit|quota)/i;
/** Stages that no mail of a particular shopper has come into play in. */
const BEFORE_ANY_MAIL = /^(CONN|EHLO|HELO|LHLO|STARTTLS|AUTH\b.*)$/;
/** As a reply repeats it: in brackets, whatever its characters, or bare. */
const ADDRESS = /(?<=<)[^<>]*@[^<>]*(?=>)|[^\s<>()[\]"',;:=]+@[^\s<>()"',;]+/gu;
const NEVER_CONNECTED = /^(connection timeout|greeting never received)/i;

export function judge(error: unknown): SmtpFailure {
  return { fault: classify(error), reply: oneLine(describeError(error)) };
}

function classify(error: unknown): SmtpFault {
  const { code, command, responseCode, response, originalCode } = fieldsOf(error);
  // Said by the mail library about the mail itself: no server was asked.
  if (command === "API" && (code === "EENVELOPE" || code === "EMESSAGE"))
    return { kind: "refused", certainly: true };
  if (responseCode === undefined) {
    // The mail is larger than the server announced that it takes.
    if (code === "EMESSAGE") return { kind: "refused", certainly: true };
    const connected =
      (code === "ECONNECTION" || code === "ETIMEDOUT" || code === "ESOCKET") &&
      originalCode === undefined &&
      !NEVER_CONNECTED.test(describeError(error));
    return connected ? { kind: "lost" } : { kind: "unusable", verifiable: true };
  }
  if (AUTHENTICATION_REPLIES.has(responseCode))
    return { kind: "unusable", verifiable: BEFORE_ANY_MAIL.test(command) };
  const isPermanent = responseCode >= FIRST_PERMANENT_REPLY;
  if (!isPermanent && TOO_MUCH.test(response) && !OF_THE_RECIPIENT.test(response))
    return { kind: "slower", connections: BEFORE_ANY_MAIL.test(command) };
  if (BEFORE_ANY_MAIL.test(command)) return { kind: "unusable", verifiable: true };
  // 552: the size that was announced with the sender is this mail's.
  if (command === "MAIL FROM" && responseCode !== 552) return { kind: "unusable", verifiable: false };
  if (!isPermanent) return responseCode === 421 ? { kind: "lost" } : { kind: "later" };
  if (OF_THE_RECIPIENT.test(response)) return { kind: "refused", certainly: true };
  if (responseCode === 503 || OF_US.test(response)) return { kind: "unusable", verifiable: false };
  return { kind: "refused", certainly: false };
}

function fieldsOf(error: unknown) {
  const of = (name: string): unknown =>
    typeof error === "object" && error !== null && name in error ? Reflect.get(error, name) : undefined;
  const text = (name: string) => {
    const value = of(name);
    return typeof value === "string" ? value : undefined;
  };
  const responseCode = of("responseCode");
  return {
    code: text("code"),
    command: text("command") ?? "",
    response: text("response") ?? "",
    originalCode: text("originalCode"),
    responseCode: typeof responseCode === "number" ? responseCode : undefined,
  };
}

function oneLine(text: string): string {
  return text
    .replaceAll(/\p{Cc}+/gu, " ")
    .replaceAll(ADDRESS, "[address]")
    .slice(0, MAX_REPLY_LENGTH)
    .toWellFormed();
}
