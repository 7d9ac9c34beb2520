// Builds the bytes of a mail (RFC 5322): text and HTML as alternatives. nodemailer encodes the values. It could build the whole mail,
// too, but as a stream of a dozen pieces, each a write to the socket; in one piece a mail costs half. Called by smtp.ts.
import { foldLines } from "nodemailer/lib/mime-funcs";
import MimeNode from "nodemailer/lib/mime-node";
import { encode, wrap } from "nodemailer/lib/qp";
import type { Mail } from "./mails.ts";

/** An object is always one address; nodemailer would read a string as a list. */
export interface Address {
  readonly name: string;
  readonly address: string;
}

/** In quoted-printable text "_" never follows "=" (RFC 2045, 6.7), so no mail content can end a part. */
const BOUNDARY = "=_alternative";

/** Encodes header values. Keeps nothing of any mail. */
const encoder = new MimeNode();

export function messageOf({ message_id, subject, text, html }: Mail, from: Address, to: Address): string {
  return [
    header("From", from),
    header("To", to),
    header("Subject", subject),
    header("Message-ID", message_id),
    header("Date", new Date()),
    "MIME-Version: 1.0",
    `Content-Type: multipart/alternative; boundary="${BOUNDARY}"`,
    "",
    part("plain", text),
    part("html", html),
    `--${BOUNDARY}--`,
    "",
  ].join("\r\n");
}

function header(name: string, value: string | Address | Date): string {
  return foldLines(`${name}: ${encoder.encodeHeaderValue(name, value)}`, 76);
}

function part(type: "plain" | "html", content: string): string {
  return [
    `--${BOUNDARY}`,
    `Content-Type: text/${type}; charset=utf-8`,
    "Content-Transfer-Encoding: quoted-printable",
    "",
    wrap(encode(content.replaceAll("\n", "\r\n"))),
  ].join("\r\n");
}
