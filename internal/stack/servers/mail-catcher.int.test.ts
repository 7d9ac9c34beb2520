// The mail catcher as a separate process: it accepts mails, and can simulate a faulty mail server.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { createTransport } from "nodemailer";
import { leasePorts, type PortBlock } from "../ports.ts";
import { waitUntil } from "../wait.ts";

let ports: PortBlock;
let catcher: Bun.Subprocess;
let smtpPort = 0;
let http = "";
beforeAll(async () => {
  ports = leasePorts("mail catcher test");
  smtpPort = ports.next();
  const httpPort = ports.next();
  http = `http://127.0.0.1:${httpPort}`;
  catcher = Bun.spawn([
    process.execPath,
    join(import.meta.dir, "mail-catcher.ts"),
    `${smtpPort}`,
    `${httpPort}`,
  ]);
  await waitUntil(
    "the mail catcher answers",
    () =>
      fetch(`${http}/healthz`).then(
        ({ ok }) => ok,
        () => false,
      ),
    {
      timeoutMs: 20_000,
    },
  );
});
afterAll(async () => {
  catcher.kill();
  await catcher.exited;
  ports.release();
});

test("it accepts mails, rejects or delays them while a fault is set, and accepts them again", async () => {
  expect(await send()).toBeUndefined();
  await faults({ refuses: true });
  expect(await send()).toBe(550);
  await faults({ later_share: 1 });
  expect(await send()).toBe(450);
  await faults({ delay_ms: 300 });
  const begun = performance.now();
  expect(await send()).toBeUndefined();
  expect(performance.now() - begun).toBeGreaterThan(290);
  await faults({});
  const mails: unknown = await (await fetch(`${http}/mails`)).json();
  expect(mails).toHaveLength(2);
});

test("an unknown fault is rejected and changes nothing", async () => {
  const answer = await fetch(`${http}/faults`, { method: "PUT", body: JSON.stringify({ lazy: true }) });
  expect(answer.status).toBe(400);
  expect(await send()).toBeUndefined();
});

async function faults(what: object): Promise<void> {
  const answer = await fetch(`${http}/faults`, { method: "PUT", body: JSON.stringify(what) });
  expect(answer.status).toBe(204);
}

/** Sends a mail. Returns the reply code if it was rejected. */
async function send(): Promise<unknown> {
  const transport = createTransport({ host: "127.0.0.1", port: smtpPort });
  try {
    await transport.sendMail({ from: "shop@example.com", to: "ada@example.com", text: "tea" });
    return undefined;
  } catch (error) {
    return error instanceof Error && "responseCode" in error ? error.responseCode : error;
  } finally {
    transport.close();
  }
}
