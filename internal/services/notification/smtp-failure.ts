// Classifies why a mail was not sent: the recipient, the moment, or the whole server. Only the first ends a mail. Pure. Reads
// nodemailer's errors; called by courier.ts.
import { describeError } from "../../kernel/errors.ts";

export type SmtpFault =
  /** This mail will never be accepted. `certainly`: the reply concerns only the recipient's mailbox. */
  | { readonly kind: "refused"; readonly certainly: boolean }
  /** Not this mail and not now: greylisting, a full mailbox. */
  | { readonly kind: "later" }
  /** The connection broke during this mail: the fault is the mail's or the server's. */
  | { readonly kind: "lost" }
  /** More than the server accepts: too many mails, or too many `connections`. */
  | { readonly kind: "slower"; readonly connections: boolean }
  /** No mail can go: the server is unavailable, refuses our credentials, or refuses us. `verifiable`: a probe without a mail shows it. */
  | { readonly kind: "unusable"; readonly verifiable: boolean };

export interface SmtpFailure {
  readonly fault: SmtpFault;
  /** For the operator. One line without addresses, because it is stored and logged, and servers repeat the refused address. */
  readonly reply: string;
}

const MAX_REPLY_LENGTH = 300;
/** RFC 5321, 4.2.1: from here on the server will reply the same again. */
const FIRST_PERMANENT_REPLY = 500;
/** RFC 4954: authentication is missing or failed. */
const AUTHENTICATION_REPLIES: ReadonlySet<number> = new Set([530, 534, 535, 538]);
/** Servers word this differently, and its codes (421, 450, 451, 452, 454) have other meanings, too. RFC 3463 has no class for it. */
const TOO_MUCH = /too (many|much|fast|often)|\brate\b|throttl|slow(er)? down|limit|exceed/i;
/** RFC 3463, classes 1 and 2: the address and the mailbox. There "over quota" means the recipient's quota. */
const OF_THE_RECIPIENT = /\b[45]\.[12]\.\d{1,3}\b/;
/** Refusals of us in a reply about a recipient: relaying is denied, or the day's allowance is used up. */
const OF_US = /\brelay|5\.7\.(54|57|60|64)\b|(sending|daily|hourly|message) (rate|limit|quota)/i;
/** SMTP stages before any shopper's mail. */
const BEFORE_ANY_MAIL = /^(CONN|EHLO|HELO|LHLO|STARTTLS|AUTH\b.*)$/;
/** An address in a reply: in brackets, with any characters, or bare. */
const ADDRESS = /(?<=<)[^<>]*@[^<>]*(?=>)|[^\s<>()[\]"',;:=]+@[^\s<>()"',;]+/gu;
const NEVER_CONNECTED = /^(connection timeout|greeting never received)/i;

export function judge(error: unknown): SmtpFailure {
  return { fault: classify(error), reply: oneLine(describeError(error)) };
}

function classify(error: unknown): SmtpFault {
  const { code, command, responseCode, response, originalCode } = fieldsOf(error);
  // nodemailer itself rejects the mail; no server was asked.
  if (command === "API" && (code === "EENVELOPE" || code === "EMESSAGE"))
    return { kind: "refused", certainly: true };
  if (responseCode === undefined) {
    // The mail is larger than the server's announced limit.
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
  // 552 refuses the size announced with the sender, so it concerns this mail only.
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
