// PayPal's times are its own: what counts for Stripe would ask for a second order, or believe in an absence too early.
import { expect, test } from "bun:test";
import { DEFAULT_POLICY } from "../../attempts/attempts.ts";
import { PAYPAL_POLICY } from "./paypal-policy.ts";

const HOUR_MS = 60 * 60 * 1_000;

test("an order's key is not trusted as long as PayPal keeps it, and a transaction has its time to appear", () => {
  expect(PAYPAL_POLICY.keyTrustedMs).toBeGreaterThan(3 * HOUR_MS);
  expect(PAYPAL_POLICY.keyTrustedMs).toBeLessThan(6 * HOUR_MS);
  expect(PAYPAL_POLICY.searchLagMs).toBeGreaterThan(3 * HOUR_MS);
  expect(DEFAULT_POLICY.keyTrustedMs).toBeLessThan(24 * HOUR_MS);
});

test("only PayPal forgets a charge that nobody confirmed", () => {
  expect([PAYPAL_POLICY.forgetsWaiting, DEFAULT_POLICY.forgetsWaiting]).toEqual([true, false]);
});
