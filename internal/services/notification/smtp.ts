// Mail over SMTP, by nodemailer. Opened in cmd/notification.
import { createTransport } from "nodemailer";
import isEmail from "validator/lib/isEmail.js";
import { AppError } from "../../kernel/errors.ts";
import type { Mail } from "./mails.ts";
import { MailRefused, type SendMail } from "./notifier.ts";

const MAX_CONNECTIONS = 8;
const TIMEOUT_MS = 10_000;
/** RFC 5321, 4.2.1: the server will say the same again. */
const FIRST_PERMANENT_REPLY = 500;

export interface SmtpOptions {
  /** smtp:// or smtps://, with user and password where the server asks for them. */
  readonly url: string;
  /** As `senderOf` reads it. */
  readonly from: string;
}

export interface SmtpSender extends AsyncDisposable {
  readonly send: SendMail;
  /** Throws while the server does not answer. */
  ready(): Promise<void>;
}

export function openSmtp({ url, from }: SmtpOptions): SmtpSender {
  const sender = senderOf(from);
  const transport = createTransport({
    url,
    pool: true,
    maxConnections: MAX_CONNECTIONS,
    connectionTimeout: TIMEOUT_MS,
    greetingTimeout: TIMEOUT_MS,
    socketTimeout: TIMEOUT_MS,
    // Mails are made of text that came over the network: they must never make this process read a file or a URL.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return {
    async send({ message_id, to, subject, text, html }: Mail) {
      try {
        await transport.sendMail({
          messageId: message_id,
          from: sender,
          // An object is one address, whatever characters it has; a string would be read as a list of them.
          to: { name: "", address: to },
          subject,
          text,
          html,
        });
      } catch (error) {
        throw isRefusal(error)
          ? new MailRefused("the mail server refuses this mail", { cause: error })
          : error;
      }
    },
    async ready() {
      await transport.verify();
    },
    async [Symbol.asyncDispose]() {
      transport.close();
    },
  };
}

/**
 * `Shop <shop@example.com>` or the bare address. The name is everything before the bracket, so that one with a comma is still one
 * name; nothing else is ever read as an address. Throws CONFIG_INVALID.
 */
export function senderOf(from: string): { readonly name: string; readonly address: string } {
  const {
    name = "",
    bracketed,
    bare,
  } = /^(?:(?<name>[^<>]*)<(?<bracketed>[^<>]+)>|(?<bare>[^<>]+))$/u.exec(from.trim())?.groups ?? {};
  const address = (bracketed ?? bare ?? "").trim();
  if (!isEmail(address, { require_tld: false }))
    throw new AppError(
      "CONFIG_INVALID",
      "MAIL_FROM is not one sender: set it to an address, or to a name and <address>",
    );
  return { name: name.trim().replace(/^"(.*)"$/u, "$1"), address };
}

function isRefusal(error: unknown): boolean {
  if (!(error instanceof Error) || !("responseCode" in error)) return false;
  return typeof error.responseCode === "number" && error.responseCode >= FIRST_PERMANENT_REPLY;
}
