// Sends mail over SMTP with nodemailer. Opened in cmd/notification.
import { createTransport } from "nodemailer";
import isEmail from "validator/lib/isEmail.js";
import { AppError } from "../../kernel/errors.ts";
import type { Mail } from "./mails.ts";
import { type Address, messageOf } from "./message.ts";

const CONNECT_TIMEOUT_MS = 10_000;
/** For each reply. Long, because a mail that times out just before the server confirms it is sent twice. */
const REPLY_TIMEOUT_MS = 30_000;

export interface SmtpOptions {
  /** smtp:// or smtps://, with user and password if the server needs them. */
  readonly url: string;
  /** In the format of `senderOf`. */
  readonly from: string;
  /** The sender's name if `from` has none. */
  readonly shopName: string;
  readonly maxConnections: number;
}

export interface Smtp extends AsyncDisposable {
  /** Resolves when the mail server has accepted the mail. Rejects with nodemailer's error, which smtp-failure.ts classifies. */
  readonly post: (mail: Mail) => Promise<void>;
  /** Connects and logs in. */
  readonly verify: () => Promise<void>;
}

export function openSmtp({ url, from, shopName, maxConnections }: SmtpOptions): Smtp {
  const sender = senderOf(from, shopName);
  const transport = createTransport({
    url,
    pool: true,
    maxConnections,
    // The courier decides about retries. One requeue covers a connection that the server closes just as it is reused.
    maxRequeues: 1,
    connectionTimeout: CONNECT_TIMEOUT_MS,
    greetingTimeout: CONNECT_TIMEOUT_MS,
    socketTimeout: REPLY_TIMEOUT_MS,
    // Mails contain text from the network: they must never make this process read a file or a URL.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return {
    async post(mail) {
      const to = { name: "", address: mail.to };
      const raw = messageOf(mail, sender, to);
      await transport.sendMail({ envelope: { from: sender, to }, messageId: mail.message_id, raw });
    },
    async verify() {
      await transport.verify();
    },
    async [Symbol.asyncDispose]() {
      transport.close();
    },
  };
}

/**
 * `Shop <shop@example.com>` or the bare address. The name is everything before the bracket, also with a comma in it, and is never
 * read as an address. A sender without a name is called `shopName`. Throws CONFIG_INVALID.
 */
export function senderOf(from: string, shopName: string): Address {
  const {
    name = "",
    bracketed,
    bare,
  } = /^(?:(?<name>[^<>]*)<(?<bracketed>[^<>]+)>|(?<bare>[^<>]+))$/u.exec(from.trim())?.groups ?? {};
  const address = (bracketed ?? bare ?? "").trim();
  if (!isEmail(address, { require_tld: false }))
    throw new AppError(
      "CONFIG_INVALID",
      "MAIL_FROM is not one sender: set it to an address or to `Name <address>`",
    );
  return { name: name.trim().replace(/^"(.*)"$/u, "$1") || shopName, address };
}
