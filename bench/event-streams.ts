// Opens N event streams of open checkouts at a running gateway and prints the memory of gateway and orchestrator before and after.
// Not part of `bun run bench`: it needs checkouts that stay open, so a system without inventory, payment and order service.
// docs/performance.md ("Event streams") has the commands.
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { SignJWT } from "jose";
import { CheckoutAccepted } from "../schemas/http.ts";
import { Value } from "@sinclair/typebox/value";

/** The gateway's limit. */
const STREAMS_PER_USER = 4;
/** Connections that are opened at the same time. */
const AT_ONCE = 50;

const { values } = parseArgs({
  options: {
    gateway: { type: "string" },
    secret: { type: "string" },
    pids: { type: "string" },
    streams: { type: "string", default: "5000" },
    hold: { type: "string", default: "40" },
  },
});
const { gateway = "", secret = "", pids = "" } = values;
const streams = Number(values.streams);
const processes = pids.split(",").map((pair) => pair.split("="));

function memory(moment: string): void {
  const sizes = processes.map(([name, pid]) => {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const cpu = readFileSync(`/proc/${pid}/stat`, "utf8").split(" ").slice(13, 15).map(Number);
    const rss = Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1_024);
    return `${name} ${rss} MB, ${((cpu[0] ?? 0) + (cpu[1] ?? 0)) / 100} s CPU`;
  });
  console.log(`${moment}: ${sizes.join("; ")}`);
}

async function tokenOf(user: string): Promise<string> {
  const exp = Math.floor(Date.now() / 1_000) + 3_600;
  return new SignJWT({ sub: user, exp })
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .sign(new TextEncoder().encode(secret));
}

async function checkout(token: string): Promise<string> {
  const answer = await fetch(`${gateway}/api/v1/checkout`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      "idempotency-key": crypto.randomUUID(),
    },
    body: JSON.stringify({
      items: [{ sku_id: "demo-0001", quantity: 1 }],
      currency: "EUR",
      email: "ada@example.com",
      payment_method: "pm_card_visa",
      shipping_address: { name: "Ada", line1: "Street 1", city: "Town", postal_code: "10115", country: "DE" },
    }),
  });
  return Value.Parse(CheckoutAccepted, await answer.json()).saga_id;
}

let open = 0;
let ended = 0;
let bytes = 0;

async function follow(token: string, sagaId: string): Promise<void> {
  const response = await fetch(`${gateway}/api/v1/saga/${sagaId}/events`, {
    headers: { authorization: `Bearer ${token}` },
  });
  if (response.status !== 200 || response.body === null) throw new Error(`no stream: ${response.status}`);
  open += 1;
  const reader = response.body.getReader();
  void (async () => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      bytes += value.length;
    }
    open -= 1;
    ended += 1;
  })().catch(() => (open -= 1));
}

const users = await Promise.all(
  Array.from({ length: Math.ceil(streams / STREAMS_PER_USER) }, async () => {
    const token = await tokenOf(Bun.randomUUIDv7());
    return { token, sagaId: await checkout(token) };
  }),
);
await Bun.sleep(5_000);
memory("0 streams");
const wanted = users
  .flatMap((user) => Array.from({ length: STREAMS_PER_USER }, () => user))
  .slice(0, streams);
for (let i = 0; i < wanted.length; i += AT_ONCE)
  await Promise.all(wanted.slice(i, i + AT_ONCE).map(({ token, sagaId }) => follow(token, sagaId)));
memory(`${open} streams, just opened`);
const begun = performance.now();
await Bun.sleep(Number(values.hold) * 1_000);
memory(`${open} streams after ${Math.round((performance.now() - begun) / 1_000)} s`);
console.log(`${ended} ended, ${bytes} bytes received`);
process.exit(0);
