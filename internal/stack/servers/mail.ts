// The mail catcher as a server of the stack: mails of the notification service can be read over HTTP and are not delivered.
import { join } from "node:path";
import type { Definition } from "../managed.ts";

const READY_TIMEOUT_MS = 30_000;

export interface MailOptions {
  readonly smtpPort: number;
  readonly httpPort: number;
  readonly logFile: string;
}

export function mailServer({ smtpPort, httpPort, logFile }: MailOptions): Definition {
  return {
    name: "mail",
    command: [process.execPath, join(import.meta.dir, "mail-catcher.ts"), String(smtpPort), String(httpPort)],
    logFile,
    address: `smtp://127.0.0.1:${smtpPort}`,
    ports: { smtp: smtpPort, http: httpPort },
    readyTimeoutMs: READY_TIMEOUT_MS,
    probe: async () => (await fetch(`http://127.0.0.1:${httpPort}/healthz`)).ok,
  };
}
