// `kill -9` during real traffic, then a restart: no accepted checkout is lost or left half done, and nobody is charged twice. The
// provider takes 200-500 ms, so that every kill interrupts work everywhere. Kills without a restart are in replicas.e2e.test.ts. Called
// by faults.e2e.test.ts.
import { beforeAll, expect, test } from "bun:test";
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import { openLoop } from "../../../bench/open-loop.ts";
import { cartOf, type Shopper } from "../../../bench/shopper.ts";
import type { SagaStatusView } from "../../../schemas/http.ts";
import { type RoleOverrides, ROLES } from "../role-env.ts";
import { waitUntil } from "../wait.ts";
import { CURRENCY, existing, type RunningSystem } from "./running-system.ts";

const RUN_TIMEOUT_MS = 180_000;
/** A saga starts to compensate after 30 s and then resends each undo until it gets a reply. */
const PATIENCE_MS = 120_000;
const CHECKOUTS = 200;
const CHECKOUTS_PER_SECOND = 16;

/** The allowed ends: by the card, or because an outage lasted longer than the deadline or the provider's breaker. */
const EXPLAINED = new Set(["COMPLETED", "CARD_DECLINED", "DEADLINE_EXCEEDED", "PROVIDER_UNAVAILABLE"]);

/** A setting, so that the provider is as slow after its own kill. */
export const KILLS: RoleOverrides = { paysim: { LATENCY: "uniform:200-500" } };

let system: RunningSystem;
let shopper: Shopper;

const KILLED: readonly (readonly [what: string, names: readonly string[]])[] = [
  ["each role is", ROLES],
  ["Redis, a Postgres and the Kafka broker are", ["redis", "postgres-inventory", "kafka-1"]],
];

/** Defines the tests. The roles have the settings KILLS. */
export function kills(running: () => RunningSystem): void {
  beforeAll(async () => {
    system = running();
    shopper = await system.shopper();
  });

  for (const [what, names] of KILLED) {
    test(
      `${what} killed and restarted one by one during ${CHECKOUTS} checkouts`,
      async () => {
        // given
        const shopping = await Shopping.begin(system, shopper, CHECKOUTS);
        // when: the kills are spread over the run, between its first and its last checkout
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
}

/** A run of checkouts by shoppers who retry with the same Idempotency-Key until they get an answer. */
class Shopping {
  /** A file with the saga of every 202 answer. */
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
      const view = this.#buy(sku, index % 10 === 0 ? "pm_card_visa_chargeDeclined" : "pm_card_visa");
      // `ends` reports it. A test that fails earlier must not leave its rejections to the next file.
      view.catch(() => undefined);
      this.#views.push(view);
    });
  }

  /** Resolves when `count` checkouts have been sent. */
  reaches(count: number): Promise<void> {
    const sent = () => this.#views.length >= count;
    return waitUntil(`${count} checkouts are sent`, sent, { timeoutMs: PATIENCE_MS });
  }

  /** The final status of every checkout; throws if one did not finish. */
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
