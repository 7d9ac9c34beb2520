// `--replicas`: two processes of each role share the work. When one of each dies for good, the other does all the work as soon as
// the brokers have removed the dead members.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { cartOf, type Shopper } from "../../../bench/shopper.ts";
import type { SagaStatusView } from "../../../schemas/http.ts";
import { nameOf } from "../replicas.ts";
import { ROLES, type Role } from "../role-env.ts";
import { waitUntil } from "../wait.ts";
import { CURRENCY, existing, RunningSystem } from "./running-system.ts";

const UP_TIMEOUT_MS = 120_000;
/** Several times the consumer session timeout (10 s). A saga that is not taken over starts to compensate. */
const PATIENCE_MS = 60_000;
const WAVE = 24;
const STOCK = 10_000;
/** Sagas that start at the same moment share a partition. This interval spreads them over many. */
const APART_MS = 60;

const SHARED = ROLES.filter((role) => role !== "paysim");
/** The counters that show the work of a role. A gateway has none; its orchestrator counts. */
const COUNTERS: readonly (readonly [Role, string])[] = [
  ["orchestrator", "checkout_sagas_started_total"],
  ["orchestrator", "checkout_messages_handled_total"],
  ["inventory", "checkout_messages_handled_total"],
  ["payment", "checkout_messages_handled_total"],
  ["order", "checkout_messages_handled_total"],
  ["notification", "checkout_mails_sent_total"],
  ["relay", "checkout_outbox_published_total"],
];

const held = new AsyncDisposableStack();
let system: RunningSystem;
/** One at each gateway. */
let shoppers: readonly Shopper[];
let journal: string;
beforeAll(async () => {
  const twice = Object.fromEntries(SHARED.map((role) => [role, 2]));
  const patient = {
    orchestrator: { FORWARD_DEADLINE_MS: String(PATIENCE_MS) },
    // So that the relays have work to share.
    order: { PUBLISH_AFTER_COMMIT: "false" },
  };
  system = held.use(await RunningSystem.start("replicas", patient, twice));
  const gateways = system.stack.addresses.replicas["gateway"] ?? [];
  shoppers = await Promise.all(gateways.map((gateway) => system.shopper(undefined, gateway)));
  journal = join(system.stack.dataDirectory, "journal.jsonl");
  await system.restock("shared", STOCK);
}, UP_TIMEOUT_MS);
afterAll(() => held.disposeAsync(), UP_TIMEOUT_MS);

test(
  "two processes of each role share the work, each with its own name, port and INSTANCE_ID",
  async () => {
    const state = await system.stack.state();
    const names = ROLES.flatMap((role) => (role === "paysim" ? [role] : [role, `${role}-2`]));
    expect(state.roles.map(({ name }) => name)).toEqual(names);
    expect(state.roles.filter(({ healthy }) => healthy !== true)).toEqual([]);
    expect(new Set(state.roles.map(({ ports }) => ports["ops"])).size).toBe(names.length);
    expect(Object.keys(state.addresses.ops).toSorted()).toEqual(names.toSorted());
    expect(shoppers).toHaveLength(2);

    let idle: readonly string[] = ["not checked yet"];
    await waitUntil(
      "every process has done some work",
      async () => {
        const ends = await wave(shoppers);
        expect(ends).toEqual(["COMPLETED"]);
        idle = await idleProcesses();
        return idle.length === 0;
      },
      { timeoutMs: PATIENCE_MS },
    ).catch((error: unknown) => {
      throw new Error(`no work was done by ${idle.join(", ")}`, { cause: error });
    });
  },
  UP_TIMEOUT_MS,
);

test(
  "when one of each is killed for good, the other takes over, and nothing is lost or done twice",
  async () => {
    const underWay = wave(shoppers.slice(0, 1));
    for (const role of SHARED) system.stack.kill(nameOf({ role, number: 2 }), "SIGKILL");
    expect(await underWay).toEqual(["COMPLETED"]);
    expect(await wave(shoppers.slice(0, 1))).toEqual(["COMPLETED"]);
    const gone = system.stack.roles.filter((process) => process.exit() !== null);
    expect(gone.map(({ name }) => name)).toEqual(SHARED.map((role) => `${role}-2`));

    await Promise.all(gone.map((process) => process.restart()));
    expect(await wave(shoppers)).toEqual(["COMPLETED"]);
    expect(await system.audit("--journal", journal)).toEqual({ code: 0, violations: [] });
  },
  UP_TIMEOUT_MS,
);

/** Places checkouts by these shoppers in turn. Returns the distinct ends. */
async function wave(by: readonly Shopper[]): Promise<readonly string[]> {
  const views: Promise<SagaStatusView>[] = [];
  for (let index = 0; index < WAVE; index += 1) {
    const shopper = by[index % by.length];
    if (shopper !== undefined) views.push(buy(shopper));
    await Bun.sleep(APART_MS);
  }
  const ends = (await Promise.all(views)).map(({ status, failure_code }) => failure_code ?? status);
  return [...new Set(ends)];
}

async function buy(shopper: Shopper): Promise<SagaStatusView> {
  const giveUpAt = Date.now() + PATIENCE_MS;
  const cart = cartOf(["shared"], "pm_card_visa", CURRENCY);
  const { saga_id } = await shopper.checkout(cart, Bun.randomUUIDv7(), giveUpAt);
  appendFileSync(journal, `${JSON.stringify({ saga_id })}\n`);
  return existing(await shopper.status(saga_id, giveUpAt));
}

/** The processes whose counters are all zero. */
async function idleProcesses(): Promise<readonly string[]> {
  const { ops } = system.stack.addresses;
  const counted = await Promise.all(
    COUNTERS.flatMap(([role, counter]) =>
      [1, 2].map(async (number) => {
        const name = nameOf({ role, number });
        const text = await (await fetch(`${ops[name]}/metrics`)).text();
        const values = text.split("\n").filter((line) => line.startsWith(counter));
        const isIdle = values.every((line) => Number(line.slice(line.lastIndexOf(" ") + 1)) === 0);
        return isIdle ? [`${name} (${counter})`] : [];
      }),
    ),
  );
  return counted.flat();
}
