// An asynchronous standby is promoted under load and lacks the last moments of its primary, each database in turn. The auditor names what was
// lost, `checkoutctl repair` puts it right, and no shopper pays twice. The test follows the runbook.
// Called by databases.e2e.test.ts.
import { beforeAll, expect, test } from "bun:test";
import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import postgres, { type Sql } from "postgres";
import { cartOf, type Shopper } from "../../../bench/shopper.ts";
import type { DatabaseName } from "../../../schemas/migrations.ts";
import type { AuditReport } from "../../audit/audit.ts";
import { promote } from "../../faults/failover.ts";
import { faultsOf } from "../../testkit/checkoutctl.ts";
import { failOverManaged } from "../../testkit/failover.ts";
import { waitUntil } from "../wait.ts";
import { CURRENCY, existing, type RunningSystem } from "./running-system.ts";

const TEST_TIMEOUT_MS = 150_000;
const PATIENCE_MS = 60_000;
const SKU = "behind";
const REASON = ["--reason", "its standby was behind"];
/** Checkouts that are accepted, and finished, while the standby gets nothing any more. */
const MISSED = 12;
/** One checkout each, again and again. */
const SHOPPERS = 4;

interface Printed {
  readonly running: readonly string[];
  readonly confirm: number;
  readonly databases: readonly {
    readonly database: string;
    readonly sagas: readonly { readonly saga_id: string }[];
  }[];
  readonly repaired: readonly {
    readonly database: string;
    readonly delivered_again: number;
    readonly not_repaired: readonly string[];
  }[];
}

let system: RunningSystem;
let shopper: Shopper;
let journal: string;

/** Shoppers who buy until they are told to stop; every fifth card is declined. All that was accepted is in the journal. */
class Load {
  readonly accepted: string[] = [];
  readonly completed = new Set<string>();
  readonly #stop = new AbortController();
  readonly #running: Promise<unknown>;
  #count = 0;

  constructor() {
    this.#running = Promise.all(Array.from({ length: SHOPPERS }, () => this.#buy()));
  }

  async #buy(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const card = this.#count++ % 5 === 4 ? "pm_card_visa_chargeDeclined" : "pm_card_visa";
      const giveUpAt = Date.now() + PATIENCE_MS;
      const { saga_id } = await shopper.checkout(cartOf([SKU], card, CURRENCY), Bun.randomUUIDv7(), giveUpAt);
      appendFileSync(journal, `${JSON.stringify({ saga_id })}\n`);
      this.accepted.push(saga_id);
      const view = await shopper.look(saga_id, 3);
      if (view?.status === "COMPLETED") this.completed.add(saga_id);
    }
  }

  /** Resolves when so many more were accepted, and so many have completed, than when it was called. */
  async passes(count: number): Promise<void> {
    const [accepted, completed] = [this.accepted.length, this.completed.size];
    const isDone = () =>
      this.accepted.length >= accepted + count && this.completed.size >= completed + count / 2;
    await waitUntil(`${count} more checkouts are accepted`, isDone, { timeoutMs: PATIENCE_MS });
  }

  /** Stops, and waits for all that was accepted to end. Returns how each ended. */
  async end(): Promise<readonly string[]> {
    this.#stop.abort();
    await this.#running;
    const giveUpAt = Date.now() + PATIENCE_MS;
    const views = await Promise.all(this.accepted.map((saga_id) => shopper.status(saga_id, giveUpAt)));
    return views.map((view) => existing(view).failure_code ?? existing(view).status);
  }
}

/** One server's rows, as its superuser sees them. */
async function rows<Row extends object>(
  database: DatabaseName,
  read: (sql: Sql) => PromiseLike<readonly Row[]>,
) {
  const sql = postgres(system.stack.find(`postgres-${database}`).address, { max: 1, onnotice: () => {} });
  try {
    return await read(sql);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** Checkouts of the journal that the saga database does not know. */
async function lostSagas(): Promise<readonly string[]> {
  const promised = readFileSync(journal, "utf8")
    .trim()
    .split("\n")
    .map((line): string => JSON.parse(line).saga_id);
  const known = new Set(
    (await rows("saga", (sql) => sql<{ saga_id: string }[]>`select saga_id from saga_state`)).map(
      ({ saga_id }) => saga_id,
    ),
  );
  return promised.filter((saga_id) => !known.has(saga_id)).toSorted();
}

/** Finished checkouts of which a service has not the row, in the state, that it must have. */
async function lostRows(database: Exclude<DatabaseName, "saga">): Promise<readonly string[]> {
  const finished = await rows(
    "saga",
    (sql) => sql<{ saga_id: string; status: string }[]>`
      select saga_id, status from saga_state where completed_at is not null`,
  );
  const { table, good, open } = WANTED[database];
  const found = await rows(
    database,
    (sql) => sql<{ saga_id: string; status: string }[]>`select saga_id, status from ${sql(table)}`,
  );
  const statuses = new Map(found.map(({ saga_id, status }) => [saga_id, status]));
  const isLost = ({ saga_id, status }: { readonly saga_id: string; readonly status: string }) =>
    status === "COMPLETED"
      ? statuses.get(saga_id) !== good
      : open.some((one) => one === statuses.get(saga_id));
  return finished
    .filter(isLost)
    .map(({ saga_id }) => saga_id)
    .toSorted();
}

/** What a completed checkout has there, and what one that ended without an order must not have. */
const WANTED = {
  inventory: { table: "reservations", good: "CONFIRMED", open: [] },
  payment: { table: "payments", good: "SUCCEEDED", open: ["PENDING", "UNKNOWN"] },
  order: { table: "orders", good: "CONFIRMED", open: [] },
} as const;

/** The invariant that names a checkout whose row is lost. */
const NAMED_BY = {
  saga: "accepted-exists",
  inventory: "completed-has-its-stock",
  payment: "payments-agree-with-provider",
  order: "completed-has-its-order",
} as const;

/** The checkouts that the auditor names with this invariant. */
async function named(invariant: string): Promise<readonly string[]> {
  const { stdout } = await system.checkoutctl("audit", "--settle", "1s", "--json", "--journal", journal);
  const report: AuditReport = JSON.parse(stdout);
  const findings = report.invariants.find(({ name }) => name === invariant)?.findings ?? [];
  return [...new Set(findings.map(({ saga_id }) => saga_id ?? "-"))].toSorted();
}

/** The body of its /readyz. */
async function readiness(role: string): Promise<string> {
  const { ops } = system.context.addresses;
  return (await fetch(new URL("/readyz", ops[role]))).text();
}

async function repaired(database: DatabaseName): Promise<Printed> {
  const command = ["repair", ...REASON];
  const dry = await system.operatorSees<Printed>([...command, "--dry-run"]);
  expect(dry.running).toEqual([]);
  expect(dry.databases.map((one) => one.database)).toEqual([database]);
  return system.operatorSees<Printed>([...command, "--confirm", String(dry.confirm)]);
}

/** Defines the tests. */
export function failoversBehind(running: () => RunningSystem): void {
  beforeAll(async () => {
    system = running();
    await system.providerTakes("fixed:100");
    shopper = await system.shopper();
    journal = join(system.stack.dataDirectory, "journal-of-failovers");
    await system.restock(SKU, 10_000);
  });

  test.each(["order", "inventory", "payment", "saga"] as const)(
    "the standby of %s was behind: the audit names what it lost, and a repair puts it right",
    async (database) => {
      // given
      const load = new Load();
      await load.passes(MISSED);
      const server = system.stack.find(`postgres-${database}`);
      // when
      await failOverManaged(server, () => load.passes(MISSED));
      await promote(server.address);
      // then its role says so, with the way out; the orchestrator refuses to act, a service goes on until it is stopped
      const role = database === "saga" ? "orchestrator" : database;
      const saysSo = async () => (await readiness(role)).includes("`checkoutctl repair`");
      await waitUntil(`${role} says that it is behind`, saysSo, { timeoutMs: PATIENCE_MS });
      const refused = await system.operatorSees<Printed>(["repair", ...REASON, "--dry-run"]);
      expect(refused.databases.map((one) => one.database)).toEqual([database]);
      expect(refused.running.join()).toContain("checkout-orchestrator");
      const stopped = database === "saga" ? ["orchestrator"] : ["orchestrator", database];
      for (const name of stopped) await system.stack.find(name).stop();
      const lost = database === "saga" ? await lostSagas() : await lostRows(database);
      expect(lost.length).toBeGreaterThanOrEqual(MISSED / 2);
      const isSettled = async () => Bun.deepEquals(await named(NAMED_BY[database]), lost);
      await waitUntil("the audit names exactly what was lost", isSettled, { timeoutMs: PATIENCE_MS });
      // when
      const report = await repaired(database);
      // then
      expect(faultsOf(["repair"], report)).toEqual([]);
      expect(report.repaired.map((one) => one.database)).toEqual([database]);
      expect(report.repaired.flatMap((one) => one.not_repaired)).toEqual([]);
      expect((await system.operatorSees<Printed>(["repair", ...REASON, "--dry-run"])).databases).toEqual([]);
      for (const name of stopped.toReversed()) await system.stack.restart(name);
      await load.passes(SHOPPERS);
      expect(await load.end()).toContain("COMPLETED");
      const isAgreed = async () => (await system.audit("--journal", journal)).code === 0;
      await waitUntil("the audit is clean", isAgreed, { timeoutMs: PATIENCE_MS }).catch(() => undefined);
      expect(await system.audit("--journal", journal)).toEqual({ code: 0, violations: [] });
    },
    TEST_TIMEOUT_MS,
  );
}
