// The kinds of checkouts of a chaos run, each with its share of all and its expected ends without faults. Pure; shopping.ts places them.
import { PAYPAL } from "../../schemas/http.ts";
import type { Answer } from "./bank-visit.ts";

export const BLOCKED_COUNTRY = "KP";
export const SERVED_COUNTRY = "DE";
/** Its bank wants the shopper to confirm the payment (3-D Secure). */
const CHALLENGED = "pm_card_threeDSecure2Required";
const DONE = ["COMPLETED"];
const BLOCKED = ["ADDRESS_NOT_SERVED"];
const NOT_CONFIRMED = ["PAYMENT_NOT_CONFIRMED"];

export interface Case {
  /** The share of all checkouts; the sum is 1. */
  readonly share: number;
  /** The payment method of the request: a card of the simulator, or `paypal`. */
  readonly method: string;
  readonly country: string;
  readonly lines: readonly [number, ...number[]];
  /** The failure code, or the status without one. */
  readonly ends: readonly string[];
  readonly isScarce?: boolean;
  /** The provider simulator or the shopper delays the checkout, so it does not count for recovery. */
  readonly isSlow?: boolean;
  /** The shopper is present, and does this when the bank asks. */
  readonly answer?: Answer;
}

const visa = { method: "pm_card_visa", country: SERVED_COUNTRY } as const;
const slow = { country: SERVED_COUNTRY, lines: [1], isSlow: true } as const;
const challenged = { ...slow, method: CHALLENGED } as const;
/** PayPal always asks the shopper. */
const payPal = { ...slow, method: PAYPAL } as const;

export const CASES: readonly Case[] = [
  { ...visa, share: 0.5, lines: [1, 2, 3], ends: DONE },
  { ...visa, share: 0.07, lines: [1, 2], method: "pm_card_visa_chargeDeclined", ends: ["CARD_DECLINED"] },
  { ...visa, share: 0.04, lines: [1], country: BLOCKED_COUNTRY, ends: BLOCKED },
  { ...visa, share: 0.04, lines: [2], isScarce: true, ends: ["COMPLETED", "INSUFFICIENT_STOCK"] },
  { ...slow, share: 0.02, method: "pm_sim_500_once", ends: DONE },
  { ...slow, share: 0.01, method: "pm_sim_reply_lost", ends: DONE },
  { ...slow, share: 0.01, method: "pm_sim_refund_500_once", country: BLOCKED_COUNTRY, ends: BLOCKED },
  { ...slow, share: 0.01, method: "pm_sim_timeout_once", ends: DONE },
  { ...challenged, share: 0.025, answer: "confirmed", ends: DONE },
  // Returned after the confirmation.
  { ...challenged, share: 0.01, answer: "confirmed", country: BLOCKED_COUNTRY, ends: BLOCKED },
  { ...challenged, share: 0.02, answer: "confirmed twice", ends: DONE },
  { ...challenged, share: 0.015, answer: "refused", ends: ["PAYMENT_INTENT_AUTHENTICATION_FAILURE"] },
  { ...challenged, share: 0.01, answer: "abandoned", ends: NOT_CONFIRMED },
  { ...challenged, share: 0.01, answer: "at the deadline", ends: [...DONE, ...NOT_CONFIRMED] },
  { ...challenged, share: 0.01, answer: "too late", ends: NOT_CONFIRMED },
  { ...payPal, share: 0.085, answer: "confirmed", ends: DONE },
  // Returned, or released, after the approval.
  { ...payPal, share: 0.02, answer: "confirmed", country: BLOCKED_COUNTRY, ends: BLOCKED },
  { ...payPal, share: 0.03, answer: "confirmed twice", ends: DONE },
  // The payer goes back to the shop; PayPal would still take an approval until the checkout ends.
  { ...payPal, share: 0.02, answer: "refused", ends: NOT_CONFIRMED },
  { ...payPal, share: 0.015, answer: "abandoned", ends: NOT_CONFIRMED },
  { ...payPal, share: 0.015, answer: "at the deadline", ends: [...DONE, ...NOT_CONFIRMED] },
  { ...payPal, share: 0.015, answer: "too late", ends: NOT_CONFIRMED },
];

/** The item in which `draw` in [0, 1) falls. The shares need not add up to 1: each counts by its part of their sum. */
export function drawByShare<T extends { readonly share: number }>(items: readonly T[], draw: number): T {
  const at = draw * items.reduce((sum, { share }) => sum + share, 0);
  let edge = 0;
  for (const one of items) {
    edge += one.share;
    if (at < edge) return one;
  }
  // `at` may be rounded up to the sum.
  const last = items.at(-1);
  if (last === undefined) throw new Error("there is nothing to draw from");
  return last;
}
