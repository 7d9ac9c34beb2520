// Ids that look like Stripe's (`pi_`, `ch_`, `re_`, `evt_` and 24 characters). They contain time and sequence number, so they stay
// unique after restarts and after the ledger is deleted, and they depend only on the arguments. Pure.
import { randomStream } from "./random.ts";

const TIME_DIGITS = 9;
const SEQ_DIGITS = 7;
const CHANCE_DIGITS = 8;

export function objectId(
  prefix: "pi" | "re" | "du" | "evt",
  from: { readonly nowMs: number; readonly seq: number; readonly seed: number },
): string {
  const chance = randomStream(from.seed, `${prefix}/${from.nowMs}/${from.seq}`);
  return `${prefix}_${digits(from.nowMs, TIME_DIGITS)}${digits(from.seq, SEQ_DIGITS)}${digits(
    Math.floor(chance() * 36 ** CHANCE_DIGITS),
    CHANCE_DIGITS,
  )}`;
}

/** The simulator charges an intent at most once, so the charge needs no number of its own. */
export function chargeIdOf(intentId: string): string {
  return intentId.replace(/^pi_/, "ch_");
}

/** Whoever has it may confirm the intent. The same after a restart. */
export function clientSecretOf(intentId: string): string {
  const chance = randomStream(0, `client secret of ${intentId}`);
  const parts = Array.from({ length: 3 }, () =>
    digits(Math.floor(chance() * 36 ** CHANCE_DIGITS), CHANCE_DIGITS),
  );
  return `${intentId}_secret_${parts.join("")}`;
}

function digits(value: number, length: number): string {
  return value.toString(36).padStart(length, "0");
}
