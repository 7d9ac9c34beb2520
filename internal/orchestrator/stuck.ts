// Detects sagas that make no progress. Everything recovers by itself within minutes, so a stuck saga needs a person. Counts stuck
// sagas, and the sagas and cancellations that need an operator, for alerts, and logs each stuck one once. Run by a loop of
// cmd/orchestrator.
import { plural } from "../kernel/counted.ts";
import type { Clock } from "../kernel/ports.ts";
import type { Log, Meter } from "../kernel/telemetry.ts";
import { undoTypeOf } from "./commands.ts";
import { rowOf, tableOf } from "./steps.ts";
import type { NeedyCount, StuckSaga } from "./stuck-store.ts";

/** The maximum of the gauges; more show as this. */
export const MAX_STUCK_COUNTED = 1_000;
/** Ids in one log line. */
const MAX_NAMED = 20;

/** Pure. The command whose reply moves the saga. */
export function awaitedCommand({
  current_step,
  compensation_step,
  payment_succeeded,
  table_version,
}: Pick<StuckSaga, "current_step" | "compensation_step" | "payment_succeeded" | "table_version">): string {
  const table = tableOf({ table_version });
  const undo = compensation_step === null ? null : undoTypeOf(table, compensation_step, payment_succeeded);
  return undo ?? rowOf(table, current_step).command;
}

export interface StuckWatchOptions {
  /** A saga without progress for this long is stuck, in milliseconds. */
  readonly afterMs: number;
  /** Sagas without progress since `before` (epoch ms), at most `limit`. */
  readonly find: (before: number, limit: number) => Promise<readonly StuckSaga[]>;
  /** How many need an operator, at most `limit` of each. */
  readonly countNeedy: (limit: number) => Promise<NeedyCount>;
  readonly clock: Clock;
  readonly log: Pick<Log, "warn">;
  readonly meter: Pick<Meter, "gauge">;
}

export class StuckWatch {
  readonly #options: StuckWatchOptions;
  readonly #gauge: ReturnType<Meter["gauge"]>;
  readonly #needy: ReturnType<Meter["gauge"]>;
  readonly #needyCancellations: ReturnType<Meter["gauge"]>;
  #known: ReadonlySet<string> = new Set();

  constructor(options: StuckWatchOptions) {
    this.#options = options;
    this.#gauge = options.meter.gauge(
      "sagas_stuck",
      "Sagas in progress that have not moved for STUCK_AFTER_MS",
    );
    this.#needy = options.meter.gauge(
      "sagas_needing_operator",
      "Sagas in progress whose undo has had no reply for long, or whose command is a dead letter",
    );
    this.#needyCancellations = options.meter.gauge(
      "order_cancellations_needing_operator",
      "Cancellations of orders in progress whose step has had no reply for long, or a reply that needs a person",
    );
  }

  async runOnce(): Promise<void> {
    const { afterMs, find, countNeedy, clock, log } = this.#options;
    const { sagas: needy, cancellations } = await countNeedy(MAX_STUCK_COUNTED);
    this.#needy.set({}, needy);
    this.#needyCancellations.set({}, cancellations);
    const stuck = await find(clock.now() - afterMs, MAX_STUCK_COUNTED);
    this.#gauge.set({}, stuck.length);
    const fresh = stuck.filter(({ saga_id }) => !this.#known.has(saga_id));
    this.#known = new Set(stuck.map(({ saga_id }) => saga_id));
    if (fresh.length > 0) {
      const sagas = fresh
        .slice(0, MAX_NAMED)
        .map((saga) => `${saga.saga_id} waits for the reply to ${awaitedCommand(saga)}`);
      log.warn(
        { sagas, more: fresh.length - sagas.length },
        `${plural(fresh.length, "saga has", "sagas have")} made no progress for ${afterMs / 1_000} s; run checkoutctl saga ls --stuck`,
      );
    }
  }
}
