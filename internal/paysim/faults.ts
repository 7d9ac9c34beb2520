// What goes wrong, and when: by payment method token for one checkout, by rates for all of them, seeded. The settings are
// the body of `PUT /_sim/faults`. Pure. Asked by the simulator once per execution.
import { FormatRegistry, type Static, Type } from "@sinclair/typebox";
import { parseLatency } from "../kernel/latency.ts";

export type Fault =
  /** The card is refused. */
  | "decline"
  /** 500 before anything was executed: nothing moves, nothing is stored, the next attempt executes. */
  | "error_before"
  /** 500 from the execution itself: nothing moves, and the 500 is what the key replays. */
  | "error_stored"
  /** Money moves, the answer is a 500, and the 500 is what the key replays. */
  | "error_after"
  /** The request hangs and is cut; it was never executed and its key stays free. */
  | "timeout_before"
  /** The request hangs and then money moves; its key is in use meanwhile. */
  | "timeout_after"
  /** Money moves, and the connection is cut without a byte. */
  | "reply_lost";

FormatRegistry.Set("latency", (text) => parseLatency(text) !== null);
/** A distribution in one word; latency.ts says which there are. */
export const LatencyText = Type.String({ format: "latency" });
const Rate = Type.Number({ minimum: 0, maximum: 1, default: 0 });

export const FaultSettings = Type.Object(
  {
    latency: LatencyText,
    decline_rate: Rate,
    error_before_rate: Rate,
    error_stored_rate: Rate,
    error_after_rate: Rate,
    timeout_before_rate: Rate,
    timeout_after_rate: Rate,
    reply_lost_rate: Rate,
    /** More calls a second than so many are turned away with a 429, reads included; 0 is no limit. */
    calls_per_second: Type.Number({ minimum: 0, default: 0 }),
    /** The share of all calls that are turned away with a 503. */
    unavailable_rate: Rate,
    /** What those that are turned away are told in Retry-After; 0 is nothing. */
    retry_after_seconds: Type.Integer({ minimum: 0, maximum: 3_600, default: 0 }),
    /** Parameters of a charge that this version of the provider does not know: 400, as for any other mistake. */
    unknown_parameters: Type.Array(Type.String({ maxLength: 100 }), { maxItems: 20, default: [] }),
    /** As accounts without the search API: it answers 400. */
    search_disabled: Type.Boolean({ default: false }),
    /** Until then every refund is answered with a 500 before it is executed. Milliseconds since the epoch; 0 is never. */
    refunds_fail_until_ms: Type.Integer({ minimum: 0, default: 0 }),
    /** How long a hanging request hangs; longer than the client's timeout. */
    hold_ms: Type.Integer({ minimum: 0, maximum: 100_000, default: 15_000 }),
    /** Search sees an intent this much later than the other reads, as Stripe's index does. */
    search_lag_ms: Type.Integer({ minimum: 0, maximum: 3_600_000, default: 0 }),
    /** Events that are never sent. */
    webhook_drop_rate: Rate,
    /** Events that are sent twice. */
    webhook_duplicate_rate: Rate,
    /** Between what happened and the first attempt to tell it. */
    webhook_delay_ms: Type.Integer({ minimum: 0, maximum: 3_600_000, default: 250 }),
    /** Each waits up to so much longer, by chance: they overtake one another. */
    webhook_jitter_ms: Type.Integer({ minimum: 0, maximum: 3_600_000, default: 0 }),
  },
  { additionalProperties: false },
);
export type FaultSettings = Static<typeof FaultSettings>;

/** In the order in which one draw is held against them; together at most 1. Declines touch charges only. */
const RATES = [
  ["error_before_rate", "error_before"],
  ["error_stored_rate", "error_stored"],
  ["error_after_rate", "error_after"],
  ["timeout_before_rate", "timeout_before"],
  ["timeout_after_rate", "timeout_after"],
  ["reply_lost_rate", "reply_lost"],
  ["decline_rate", "decline"],
] as const satisfies readonly (readonly [keyof FaultSettings, Fault])[];

export function sumOfRates(settings: FaultSettings): number {
  return RATES.reduce((sum, [rate]) => sum + settings[rate], 0);
}

/** The fault that one uniform draw in [0, 1) falls on. */
export function drawFault(settings: FaultSettings, draw: number, isCharge: boolean): Fault | null {
  let edge = 0;
  for (const [rate, fault] of RATES) {
    edge += settings[rate];
    if (draw < edge) return fault === "decline" && !isCharge ? null : fault;
  }
  return null;
}
