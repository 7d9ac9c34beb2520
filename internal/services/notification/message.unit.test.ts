// The bytes of a mail keep its content, however odd, and no content can change how they are parsed.
import { expect, test } from "bun:test";
import MailComposer from "nodemailer/lib/mail-composer";
import type { Mail } from "./mails.ts";
import { messageOf } from "./message.ts";

const from = { name: "Größe, Tea & Co", address: "shop@example.com" };
const mail: Mail = {
  message_id: "<01900000-0000-7000-8000-000000000001.order_confirmed@checkout>",
  to: "ada,smith@example.com",
  subject: "Your order is confirmed",
  text: "Thank you.\n\n2 x apple, 2.50 EUR each\n",
  html: "<!doctype html>\n<p>Thank you.</p>\n",
};
const to = { name: "", address: mail.to };

test.each([
  mail,
  { ...mail, subject: "Größe\r\nBcc: everybody@example.com", to: "ada@exämple.com" },
  {
    ...mail,
    subject: "A subject that has more words in it than fit into a single line of seventy-six characters",
  },
])("the headers equal those of nodemailer: $subject", async (each) => {
  const recipient = { name: "", address: each.to };
  const { message_id: messageId, subject } = each;
  const composer = new MailComposer({ messageId, from, to: recipient, subject, text: "", html: "" });
  const theirs = headersOf(String(await composer.compile().build()));
  expect(headersOf(messageOf(each, from, recipient))).toEqual(theirs);
});

test.each([
  ["not ASCII", "2 x Größe 42 = 東京 🍏\n"],
  ["long lines", `${"a line that is much longer than mails allow ".repeat(40)}\n`],
  ["a long word", "x".repeat(2_000)],
  ["text that would end a mail", ".\n..\nwords after it\n"],
  ["spaces and tabs", "at the end of a line  \n\tand of another\t\n"],
  [
    "text that would end a part",
    "--=_alternative--\n--=_alternative\nContent-Type: text/html\n\n<b>not a part</b>\n",
  ],
  ["nothing", ""],
])("text and HTML arrive unchanged: %s", (_, words) => {
  const message = messageOf({ ...mail, text: words, html: `<p>${words}</p>` }, from, to);
  expect(partsOf(message)).toEqual([
    { type: "text/plain; charset=utf-8", content: words },
    { type: "text/html; charset=utf-8", content: `<p>${words}</p>` },
  ]);
  expect(message).toMatch(/^[\t\r\n\u0020-\u007e]*$/);
  for (const line of message.split("\r\n")) {
    expect(line.length).toBeLessThanOrEqual(76);
    // Trailing white space would be lost on the way; a lone line break would become another one.
    expect(line).not.toMatch(/[ \t]$|[\r\n]/);
  }
});

function headersOf(message: string): readonly string[] {
  return message
    .slice(0, message.indexOf("\r\n\r\n"))
    .split(/\r\n(?! )/)
    .filter((line) => !/^(Date|Content-Type):/.test(line));
}

/** Parses the parts as a mail client does (RFC 2046). */
function partsOf(message: string) {
  const [headers = "", ...rest] = message.split("\r\n\r\n");
  const [, boundary = ""] = /^Content-Type: multipart\/alternative;\s+boundary="(.+)"$/m.exec(headers) ?? [];
  const [body = "", afterwards] = `\r\n${rest.join("\r\n\r\n")}`.split(`\r\n--${boundary}--\r\n`);
  expect(afterwards).toBe("");
  const [preamble, ...parts] = body.split(`\r\n--${boundary}\r\n`);
  expect(preamble).toBe("");
  return parts.map((part) => {
    const [, type, encoded = ""] =
      /^Content-Type: (.*)\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n([^]*)$/.exec(part) ?? [];
    const bytes = encoded
      .replaceAll("=\r\n", "")
      .replaceAll("\r\n", "\n")
      .replaceAll(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCodePoint(Number.parseInt(hex, 16)));
    return { type, content: Buffer.from(bytes, "latin1").toString() };
  });
}
