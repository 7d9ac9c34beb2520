// Mail over SMTP, by nodemailer. Opened in cmd/notification.
import { createTransport } from "nodemailer";
import type { Mail } from "./mails.ts";
import { MailRefused, type SendMail } from "./notifier.ts";

const MAX_CONNECTIONS = 8;
const TIMEOUT_MS = 10_000;
/** RFC 5321, 4.2.1: the server will say the same again. */
const FIRST_PERMANENT_REPLY = 500;

export interface SmtpOptions {
  /** smtp:// or smtps://, with user and password where the server asks for them. */
  readonly url: string;
  readonly from: string;
}

export interface SmtpSender extends AsyncDisposable {
  readonly send: SendMail;
  /** Throws while the server does not answer. */
  ready(): Promise<void>;
}

export function openSmtp({ url, from }: SmtpOptions): SmtpSender {
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
        await transport.sendMail({ messageId: message_id, from, to, subject, text, html });
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

function isRefusal(error: unknown): boolean {
  if (!(error instanceof Error) || !("responseCode" in error)) return false;
  return typeof error.responseCode === "number" && error.responseCode >= FIRST_PERMANENT_REPLY;
}
