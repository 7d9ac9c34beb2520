// A mail as the bytes that go over the wire (RFC 5322): text and HTML as alternatives. nodemailer encodes what is in it. It would lay
// it out too, but as a stream of a dozen pieces, each of them a write to the socket; in one piece a mail costs half. Called by smtp.ts.
import { foldLines } from "nodemailer/lib/mime-funcs";
import MimeNode from "nodemailer/lib/mime-node";
import { encode, wrap } from "nodemailer/lib/qp";
import type { Mail } from "./mails.ts";

/** An object is one address, whatever characters it has; a string would be read as a list of them. */
export interface Address {
  readonly name: string;
  readonly address: string;
}

/** In quoted-printable text no "=" is followed by "_" (RFC 2045, 6.7), so that no mail's words can end a part. */
const BOUNDARY = "=_alternative";

/** Knows how each header is encoded. Holds nothing of any mail. */
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
