// The simulator as its own process, killed in the middle of its work: its answers stay true, and no key charges twice.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { ProviderLedgerEntry } from "../../schemas/provider-ledger.ts";
import { waitFor } from "./test-provider.ts";

const MAIN = join(import.meta.dir, "../../cmd/paysim/main.ts");
const CHARGES = 400;
const IN_FLIGHT = 32;
/** The test kills the process after this many answers. */
const KILL_AFTER = 150;

const Listening = Type.Object({ msg: Type.Literal("listening"), url: Type.String() });
const Charged = Type.Object({ id: Type.String(), status: Type.Literal("succeeded") });

let folder: string;
let child: Bun.Subprocess<"ignore", "pipe", "inherit">;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "paysim-crash-"));
});
afterEach(async () => {
  child.kill("SIGKILL");
  await child.exited;
  rmSync(folder, { recursive: true });
});

test("kill -9 under load: every answered charge survives, every other one happens once", async () => {
  let url = await launch();
  const before = new Map<string, string>();
  await chargeAll(async (key) => {
    const id = await charge(url, key).catch(() => null);
    if (id !== null) before.set(key, id);
    if (before.size === KILL_AFTER) child.kill("SIGKILL");
  });
  await child.exited;
  expect(before.size).toBeWithin(KILL_AFTER, CHARGES);

  url = await launch();
  const after = new Map<string, string>();
  await chargeAll(async (key) => {
    after.set(key, await charge(url, key));
  });
  for (const [key, id] of before) expect(after.get(key)).toBe(id);
  const charges = entries().filter(({ kind }) => kind === "charge");
  expect(charges.length).toBe(CHARGES);
  expect(new Set(after.values()).size).toBe(CHARGES);
});

test("on SIGTERM the simulator answers the charge in flight and exits 0", async () => {
  const url = await launch("fixed:500");
  const underWay = charge(url, "last");
  await waitFor(async () => (await (await fetch(`${url}/_sim/stats`)).text()).includes('"keys":1,'));
  child.kill("SIGTERM");
  expect(await underWay).toStartWith("pi_");
  expect(await child.exited).toBe(0);
});

/** Starts the process and returns its URL once it listens. */
async function launch(latency = "uniform:0-20"): Promise<string> {
  child = Bun.spawn([process.execPath, MAIN], {
    env: { PORT: "0", LEDGER_FILE: join(folder, "ledger.jsonl"), LATENCY: latency },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
  });
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of child.stdout) {
    text += decoder.decode(chunk, { stream: true });
    for (const line of text.split("\n").slice(0, -1)) {
      const message: unknown = JSON.parse(line);
      if (Value.Check(Listening, message)) return message.url;
    }
  }
  throw new Error(`the simulator exited before it listened: ${text}`);
}

async function chargeAll(one: (key: string) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < CHARGES) await one(`key ${next++}`);
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
}

async function charge(url: string, key: string): Promise<string> {
  const response = await fetch(`${url}/v1/payment_intents`, {
    method: "POST",
    headers: {
      authorization: "Bearer sk_test_crash",
      "content-type": "application/x-www-form-urlencoded",
      "idempotency-key": key,
    },
    body: "amount=100&currency=eur&confirm=true&payment_method=pm_card_visa",
  });
  return Value.Parse(Charged, await response.json()).id;
}

function entries(): ProviderLedgerEntry[] {
  const lines = readFileSync(join(folder, "ledger.jsonl"), "utf8").split("\n").filter(Boolean);
  return lines.map((line) => Value.Parse(ProviderLedgerEntry, JSON.parse(line)));
}
