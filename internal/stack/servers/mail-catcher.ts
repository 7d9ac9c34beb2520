// A mail server that stores mails and delivers nothing, run as a separate bun process. It has one SMTP port and one HTTP port:
// `GET /mails` lists the mails, newest last; `DELETE /mails` deletes them; `GET /healthz` answers 200; `PUT /faults` sets faults
// until the next call (`{}` ends them).
import { Value } from "@sinclair/typebox/value";
import { SMTPServer } from "smtp-server";
import { MailFaults, FaultyMailServer } from "./mail-faults.ts";

const MAX_MAILS = 10_000;
const MAX_MAIL_BYTES = 1024 * 1024;

export interface CaughtMail {
  readonly from: string;
  readonly to: readonly string[];
  readonly subject: string;
  readonly message_id: string;
  readonly received_at: string;
  /** The whole message as sent, including headers. */
  readonly source: string;
}

if (import.meta.main) {
  const [smtpPort, httpPort] = Bun.argv.slice(2).map(Number);
  if (!smtpPort || !httpPort) {
    console.error("usage: mail-catcher.ts SMTP_PORT HTTP_PORT");
    process.exit(2);
  }
  runMailCatcher(smtpPort, httpPort);
}

function runMailCatcher(smtpPort: number, httpPort: number): void {
  let mails: CaughtMail[] = [];
  let serving = false;
  const faulty = new FaultyMailServer();

  const smtp = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS", "AUTH"],
    disableReverseLookup: true,
    size: MAX_MAIL_BYTES,
    onMailFrom: (_, __, done) => done(faulty.sender()),
    onRcptTo(_, __, done) {
      const answer = faulty.recipient(performance.now(), Math.random());
      const { delay_ms = 0 } = faulty.faults;
      if (delay_ms === 0) done(answer);
      else setTimeout(() => done(answer), delay_ms);
    },
    onData(stream, session, done) {
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => {
        const { mailFrom, rcptTo } = session.envelope;
        const from = mailFrom === false ? "" : mailFrom.address;
        mails.push(
          caught(
            from,
            rcptTo.map((to) => to.address),
            Buffer.concat(chunks).toString(),
          ),
        );
        if (mails.length > MAX_MAILS) mails.shift();
        done();
      });
    },
  });
  smtp.on("error", (error) => console.error(error));
  smtp.listen(smtpPort, "127.0.0.1", () => (serving = true));

  const http = Bun.serve({
    hostname: "127.0.0.1",
    port: httpPort,
    routes: {
      "/healthz": () => new Response(serving ? "ok\n" : "starting\n", { status: serving ? 200 : 503 }),
      "/faults": {
        PUT: async (request) => {
          const faults: unknown = await request.json();
          if (!Value.Check(MailFaults, faults)) return new Response("unknown fault\n", { status: 400 });
          faulty.faults = faults;
          return new Response(null, { status: 204 });
        },
      },
      "/mails": {
        GET: () => Response.json(mails),
        DELETE: () => {
          mails = [];
          return new Response(null, { status: 204 });
        },
      },
    },
  });

  process.on("SIGTERM", () => {
    void http.stop(true);
    smtp.close(() => process.exit(0));
  });
}

function caught(from: string, to: string[], source: string): CaughtMail {
  const headers = source.slice(0, source.search(/\r?\n\r?\n/));
  const header = (name: string) => new RegExp(`^${name}:\\s*(.*)$`, "im").exec(headers)?.[1]?.trim() ?? "";
  return {
    from,
    to,
    subject: header("subject"),
    message_id: header("message-id"),
    received_at: new Date().toISOString(),
    source,
  };
}
