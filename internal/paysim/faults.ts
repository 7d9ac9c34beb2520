// Which fault happens when: by payment method token for one checkout, by seeded rates for all. The settings are the body of
// `PUT /_sim/faults`. Pure. Called by the simulator once per execution.
import { FormatRegistry, type Static, Type } from "@sinclair/typebox";
import { type Latency, parseLatency } from "../kernel/latency.ts";

export type Fault =
  /** The card is refused. */
  | "decline"
  /** 500 before execution: no money moves, nothing is stored, the next attempt executes. */
  | "error_before"
  /** 500 from the execution itself: no money moves, and the key replays the 500. */
  | "error_stored"
  /** Money moves, the answer is a 500, and the key replays the 500. */
  | "error_after"
  /** The request hangs and is cut; it is never executed and its key stays free. */
  | "timeout_before"
  /** The request hangs, then money moves; meanwhile its key is in use. */
  | "timeout_after"
  /** Money moves, and the connection is cut without a byte. */
  | "reply_lost";

FormatRegistry.Set("latency", (text) => parseLatency(text) !== null);
/** A latency distribution as text; see latency.ts for the formats. */
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
    /** Maximum requests per second, reads included; more are turned away with a 429. 0 is no limit. */
    calls_per_second: Type.Number({ minimum: 0, default: 0 }),
    /** Share of all requests that are turned away with a 503. */
    unavailable_rate: Rate,
    /** The Retry-After of requests that are turned away; 0 sends none. */
    retry_after_seconds: Type.Integer({ minimum: 0, maximum: 3_600, default: 0 }),
    /** Parameters of a POST that this version of the provider does not know: 400, as for any other unknown parameter. */
    unknown_parameters: Type.Array(Type.String({ maxLength: 100 }), { maxItems: 20, default: [] }),
    /** As for accounts without the search API: it answers 400. */
    search_disabled: Type.Boolean({ default: false }),
    /** Until this time every refund gets a 500 before execution. Milliseconds since the epoch; 0 is never. */
    refunds_fail_until_ms: Type.Integer({ minimum: 0, default: 0 }),
    /** After this time a pending refund ends, a refund that fails later fails, and a charge is disputed, where the card says so. */
    aftermath_ms: Type.Integer({ minimum: 0, maximum: 3_600_000, default: 2_000 }),
    /** How long a request hangs. Set it longer than the client's timeout. */
    hold_ms: Type.Integer({ minimum: 0, maximum: 100_000, default: 15_000 }),
    /** Search sees a charge this much later than the other reads: at Stripe about a minute, at PayPal up to three hours. */
    search_lag_ms: Type.Integer({ minimum: 0, maximum: 86_400_000, default: 0 }),
    /** Share of webhook events that are never sent. */
    webhook_drop_rate: Rate,
    /** Share of webhook events that are sent twice. */
    webhook_duplicate_rate: Rate,
    /** Time between the change and the first attempt to send its event. */
    webhook_delay_ms: Type.Integer({ minimum: 0, maximum: 3_600_000, default: 250 }),
    /** Each event waits up to this much longer, at random, so that events overtake each other. */
    webhook_jitter_ms: Type.Integer({ minimum: 0, maximum: 3_600_000, default: 0 }),
  },
  { additionalProperties: false },
);
export type FaultSettings = Static<typeof FaultSettings>;

/** In the order in which one draw is compared with them. Their sum is at most 1. Declines affect charges only. */
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

/** The fault that a uniform draw in [0, 1) selects. */
export function drawFault(settings: FaultSettings, draw: number, isCharge: boolean): Fault | null {
  let edge = 0;
  for (const [rate, fault] of RATES) {
    edge += settings[rate];
    if (draw < edge) return fault === "decline" && !isCharge ? null : fault;
  }
  return null;
}

export function latencyOf(settings: Pick<FaultSettings, "latency">): Latency {
  const latency = parseLatency(settings.latency);
  if (latency === null) throw new RangeError(`not a latency: ${settings.latency}`);
  return latency;
}
