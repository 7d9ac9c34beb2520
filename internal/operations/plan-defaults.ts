// How fast and how carefully a plan runs unless a person says otherwise: the same in checkoutctl and in the console.
import type { BulkKind } from "./plan.ts";

interface PlanDefaults {
  readonly ratePerSecond: number;
  readonly maxErrorRate: number;
  readonly waitMs: number;
}

export const PLAN_DEFAULTS: Readonly<Record<Exclude<BulkKind, "outbox.republish">, PlanDefaults>> = {
  "dead-letter.replay": { ratePerSecond: 20, maxErrorRate: 0.1, waitMs: 30_000 },
  // Nothing is sent, so only the database limits it, and no outcome is waited for.
  "dead-letter.discard": { ratePerSecond: 1_000, maxErrorRate: 0.1, waitMs: 30_000 },
};

/** Of a plan to publish outboxes again, whose run waits for nothing but the relay: its backlog is the limit in practice. */
export const REPUBLISH_PER_SECOND = 5_000;
