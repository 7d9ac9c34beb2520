// Mail over SMTP, by nodemailer. Opened in cmd/notification.
import { createTransport } from "nodemailer";
import isEmail from "validator/lib/isEmail.js";
import { AppError } from "../../kernel/errors.ts";
import type { Mail } from "./mails.ts";
import { type Address, messageOf } from "./message.ts";

const CONNECT_TIMEOUT_MS = 10_000;
/** For each reply. A mail that is given up just before the server says that it has it is sent twice, so this is patient. */
const REPLY_TIMEOUT_MS = 30_000;

export interface SmtpOptions {
  /** smtp:// or smtps://, with user and password where the server asks for them. */
  readonly url: string;
  /** As `senderOf` reads it. */
  readonly from: string;
  readonly maxConnections: number;
}

export interface Smtp extends AsyncDisposable {
  /** Resolves when the mail server has taken the mail. Rejects as nodemailer does; smtp-failure.ts judges that. */
  readonly post: (mail: Mail) => Promise<void>;
  /** Connects and logs in. */
  readonly verify: () => Promise<void>;
}

export function openSmtp({ url, from, maxConnections }: SmtpOptions): Smtp {
  const sender = senderOf(from);
  const transport = createTransport({
    url,
    pool: true,
    maxConnections,
    // Who tries again, and when, is the courier's to decide. Once, for the connection that the server closes while it is taken up.
    maxRequeues: 1,
    connectionTimeout: CONNECT_TIMEOUT_MS,
    greetingTimeout: CONNECT_TIMEOUT_MS,
    socketTimeout: REPLY_TIMEOUT_MS,
    // Mails are made of text that came over the network: they must never make this process read a file or a URL.
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
 * `Shop <shop@example.com>` or the bare address. The name is everything before the bracket, so that one with a comma is still one
 * name; nothing else is ever read as an address. Throws CONFIG_INVALID.
 */
export function senderOf(from: string): Address {
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
