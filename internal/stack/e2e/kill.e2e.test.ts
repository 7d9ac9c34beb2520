// `kill -9` in the middle of real traffic, then a start: whatever dies, no checkout that was accepted is lost, none is left
// half done, nobody is charged twice. The provider takes 200-500 ms, so that every kill finds work in flight everywhere. What is
// killed and stays away is in replicas.e2e.test.ts.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { openLoop } from "../../../bench/open-loop.ts";
import { cartOf, type Shopper } from "../../../bench/shopper.ts";
import type { SagaStatusView } from "../../../schemas/http.ts";
import { ROLES } from "../role-env.ts";
import { waitUntil } from "../wait.ts";
import { CURRENCY, existing, RunningSystem } from "./running-system.ts";

const UP_TIMEOUT_MS = 120_000;
const RUN_TIMEOUT_MS = 180_000;
/** A saga starts to compensate after 30 s and then goes on asking until each undo is answered. */
const PATIENCE_MS = 120_000;
const CHECKOUTS = 200;
const CHECKOUTS_PER_SECOND = 16;

/** How a checkout may end here: as its card deserves, or because an outage outlasted its deadline or the provider's breaker. */
const EXPLAINED = new Set(["COMPLETED", "CARD_DECLINED", "DEADLINE_EXCEEDED", "PROVIDER_UNAVAILABLE"]);

const held = new AsyncDisposableStack();
let system: RunningSystem;
let shopper: Shopper;
beforeAll(async () => {
  system = held.use(await RunningSystem.start("kill", { paysim: { LATENCY: "uniform:200-500" } }));
  shopper = await system.shopper();
}, UP_TIMEOUT_MS);
afterAll(() => held.disposeAsync(), UP_TIMEOUT_MS);

const KILLED: readonly (readonly [what: string, names: readonly string[]])[] = [
  ["each role is", ROLES],
  ["Redis, a Postgres and the Kafka broker are", ["redis", "postgres-inventory", "kafka-1"]],
];

for (const [what, names] of KILLED) {
  test(
    `${what} killed in turn and started again, in the middle of ${CHECKOUTS} checkouts`,
    async () => {
      // given
      const shopping = await Shopping.begin(system, shopper, CHECKOUTS);
      // when: spread over the run, none before its first checkout and none after its last
      for (const [index, name] of names.entries()) {
        await shopping.reaches(((index + 1) * CHECKOUTS) / (names.length + 1));
        system.stack.kill(name, "SIGKILL");
        await system.stack.restart(name);
      }
      // then
      const views = await shopping.ends();
      const ends = new Set(views.map(({ status, failure_code }) => failure_code ?? status));
      expect(ends.has("COMPLETED")).toBe(true);
      expect([...ends.difference(EXPLAINED)]).toEqual([]);
      expect(await system.audit("--journal", shopping.journal)).toEqual({ code: 0, violations: [] });
    },
    RUN_TIMEOUT_MS,
  );
}

/** A run of checkouts by shoppers who try again, under the same Idempotency-Key, until they are answered. */
class Shopping {
  /** The saga of every 202 that a shopper was given. */
  readonly journal: string;
  readonly #shopper: Shopper;
  readonly #placed: Promise<void>;
  readonly #views: Promise<SagaStatusView>[] = [];

  static async begin(of: RunningSystem, by: Shopper, checkouts: number): Promise<Shopping> {
    const sku = Bun.randomUUIDv7();
    await of.restock(sku, checkouts);
    return new Shopping(join(of.stack.dataDirectory, `journal-${sku}`), by, sku, checkouts);
  }

  private constructor(journal: string, by: Shopper, sku: string, checkouts: number) {
    this.journal = journal;
    this.#shopper = by;
    this.#placed = openLoop(CHECKOUTS_PER_SECOND, checkouts, (index) => {
      this.#views.push(this.#buy(sku, index % 10 === 0 ? "pm_card_visa_chargeDeclined" : "pm_card_visa"));
    });
  }

  /** Resolves when so many checkouts have been sent. */
  reaches(count: number): Promise<void> {
    const sent = () => this.#views.length >= count;
    return waitUntil(`${count} checkouts are sent`, sent, { timeoutMs: PATIENCE_MS });
  }

  /** How every checkout ended; throws where one did not. */
  async ends(): Promise<readonly SagaStatusView[]> {
    await this.#placed;
    const views = await Promise.all(this.#views);
    const open = views.filter(({ completed_at }) => completed_at === null);
    if (open.length > 0) throw new Error(`${open.length} sagas do not finish: ${JSON.stringify(open)}`);
    return views;
  }

  async #buy(sku: string, card: string): Promise<SagaStatusView> {
    const giveUpAt = Date.now() + PATIENCE_MS;
    const cart = cartOf([sku], card, CURRENCY);
    const { saga_id } = await this.#shopper.checkout(cart, Bun.randomUUIDv7(), giveUpAt);
    appendFileSync(this.journal, `${JSON.stringify({ saga_id })}\n`);
    return existing(await this.#shopper.status(saga_id, giveUpAt));
  }
}
