// A database is restored from an outdated backup. The tests follow the runbook. Called by databases.e2e.test.ts.
import { beforeAll, expect, test } from "bun:test";
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { cartOf, type Placed, type Shopper } from "../../../bench/shopper.ts";
import type { RebuildReport } from "../../orchestrator/rebuild-run.ts";
import { postgresData } from "../servers/postgres.ts";
import { waitUntil } from "../wait.ts";
import { CURRENCY, existing, type RunningSystem } from "./running-system.ts";

const TEST_TIMEOUT_MS = 120_000;
const PATIENCE_MS = 60_000;
const SKU = "restored";
const REASON = ["--reason", "its disk is gone"];

let system: RunningSystem;
let shopper: Shopper;
let journal: string;

/** Places checkouts; every fifth card is declined. */
async function place(count: number): Promise<readonly Placed[]> {
  const giveUpAt = Date.now() + PATIENCE_MS;
  const placed = await Promise.all(
    Array.from({ length: count }, (_, index) => {
      const card = index % 5 === 4 ? "pm_card_visa_chargeDeclined" : "pm_card_visa";
      return shopper.checkout(cartOf([SKU], card, CURRENCY), Bun.randomUUIDv7(), giveUpAt);
    }),
  );
  for (const { saga_id } of placed) appendFileSync(journal, `${JSON.stringify({ saga_id })}\n`);
  return placed;
}

async function endsOf(placed: readonly Placed[]): Promise<readonly string[]> {
  const giveUpAt = Date.now() + PATIENCE_MS;
  const views = await Promise.all(placed.map(({ saga_id }) => shopper.status(saga_id, giveUpAt)));
  return views.map((view) => existing(view).failure_code ?? existing(view).status);
}

/** Copies the data directory of a stopped server; files keep their owner. */
async function copyData(from: string, to: string): Promise<void> {
  const copying = Bun.spawn(["sh", "-c", 'rm -rf "$2" && cp -a "$1" "$2"', "sh", from, to]);
  expect(await copying.exited).toBe(0);
}

async function backUp(database: string): Promise<() => Promise<void>> {
  const name = `postgres-${database}`;
  const data = postgresData(join(system.stack.dataDirectory, name));
  const server = system.stack.find(name);
  await server.stop();
  await copyData(data, `${data}-backup`);
  await server.restart();
  return async () => {
    await server.stop();
    await copyData(`${data}-backup`, data);
    await server.restart();
  };
}

async function readiness(role: string): Promise<string> {
  const { ops } = system.stack.find(role).ports;
  return (await fetch(`http://127.0.0.1:${ops}/readyz`)).text();
}

/** The rebuild command between restoring the outbox and republishing. */
const REBUILD = {
  order: ["order", "rebuild"],
  inventory: ["catalogue", "rebuild"],
  payment: ["payments", "rebuild"],
} as const;

/** Defines the tests. */
export function restores(running: () => RunningSystem): void {
  beforeAll(async () => {
    system = running();
    await system.providerTakes("fixed:200");
    shopper = await system.shopper();
    journal = join(system.stack.dataDirectory, "journal-of-restores");
    await system.restock(SKU, 1_000);
  });

  test(
    "the saga database: nothing runs and checkouts get 503 until it is rebuilt, then it knows every accepted checkout",
    async () => {
      // given a backup with checkouts in progress that have finished since, and later checkouts
      const early = await place(10);
      const restore = await backUp("saga");
      const late = await place(10);
      const ends = [...(await endsOf(early)), ...(await endsOf(late))];
      expect(new Set(ends)).toEqual(new Set(["COMPLETED", "CARD_DECLINED"]));
      // when
      await restore();
      // then
      const isHeld = async () => (await readiness("orchestrator")).includes("checkoutctl saga rebuild");
      await waitUntil("the orchestrator holds", isHeld, { timeoutMs: PATIENCE_MS });
      const refused = shopper.checkout(
        cartOf([SKU], "pm_card_visa", CURRENCY),
        Bun.randomUUIDv7(),
        Date.now() + 500,
      );
      expect(await refused.then(() => null, String)).toContain("503");
      // when
      const report = await system.operatorSees<RebuildReport>(["saga", "rebuild", ...REASON]);
      await system.operatorSees(["outbox", "restore", "--database", "saga", ...REASON]);
      // then
      expect(report.not_rebuilt).toEqual([]);
      expect(report.sagas.filter(({ from }) => from === null)).toHaveLength(late.length);
      const isReady = () => system.stack.find("orchestrator").probe();
      await waitUntil("the orchestrator is ready", isReady, { timeoutMs: PATIENCE_MS });
      expect([...(await endsOf(early)), ...(await endsOf(late))]).toEqual(ends);
      expect(await endsOf(await place(5))).toContain("COMPLETED");
      expect(await system.audit("--journal", journal)).toEqual({ code: 0, violations: [] });
    },
    TEST_TIMEOUT_MS,
  );

  test.each(["order", "inventory", "payment"] as const)(
    "the %s database: its outbox is restored, and commands without a reply are published again",
    async (database) => {
      // given
      const since = ["--since", new Date(Date.now() - 1_000).toISOString()];
      const early = await place(10);
      const restore = await backUp(database);
      const late = await place(10);
      const ends = [...(await endsOf(early)), ...(await endsOf(late))];
      // when
      await system.stack.find(database).stop();
      await restore();
      await system.operatorSees(["outbox", "restore", "--database", database, ...REASON]);
      await system.operatorSees([...REBUILD[database], ...since, ...REASON]);
      await system.republish(...since, ...REASON);
      await system.stack.restart(database);
      // then
      const isAgreed = async () => (await system.audit("--journal", journal)).code === 0;
      await waitUntil("the audit is clean", isAgreed, { timeoutMs: PATIENCE_MS });
      expect([...(await endsOf(early)), ...(await endsOf(late))]).toEqual(ends);
      expect(await endsOf(await place(5))).toContain("COMPLETED");
      expect(await system.audit("--journal", journal)).toEqual({ code: 0, violations: [] });
    },
    TEST_TIMEOUT_MS,
  );
}
