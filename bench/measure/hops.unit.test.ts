// The hops of a checkout have no gaps, in any order of its messages.
import { expect, test } from "bun:test";
import { hopsOf, type MessageTimes, type SagaTimes } from "./hops.ts";

const message = (
  type: string,
  from: string,
  to: string,
  writtenAt: number,
  handledAt: number,
): MessageTimes => ({
  type,
  from,
  to,
  writtenAt,
  publishedAt: writtenAt + 3,
  handledAt,
});

const CHECKOUT: SagaTimes = {
  intendedAt: 1_000,
  acceptedAt: 1_030,
  createdAt: 1_010,
  completedAt: 1_400,
  messages: [
    message("PaymentSucceeded", "payment", "saga", 1_300, 1_390),
    message("ChargePayment", "saga", "payment", 1_010, 1_050),
  ],
  transitions: [{ from: "STARTED", to: "COMPLETED", at: 1_400 }],
};

test("the hops lead from the intended start to the end", () => {
  const way = hopsOf([CHECKOUT, CHECKOUT]).filter(({ kind }) => kind !== "note" && kind !== "saga");
  expect(way.map(({ name, p50, endsAt }) => [name, Math.round(p50), endsAt])).toEqual([
    ["intended start → saga created", 10, 10],
    ["ChargePayment: written → handled by payment", 40, 50],
    ["ChargePayment: handled → PaymentSucceeded written", 250, 300],
    ["PaymentSucceeded: written → handled by saga", 90, 390],
    ["PaymentSucceeded: handled → finished", 10, 400],
  ]);
  expect(way.reduce((sum, { p50 }) => sum + p50, 0)).toBeCloseTo(400, -1);
});

test("additional rows have the 202, the publishing and the saga's history", () => {
  const beside = hopsOf([CHECKOUT]).filter(({ kind }) => kind === "note" || kind === "saga");
  expect(beside.map(({ name, p50 }) => [name, Math.round(p50)])).toEqual([
    ["ChargePayment: written → marked as published", 3],
    ["intended start → 202", 30],
    ["PaymentSucceeded: written → marked as published", 3],
    ["STARTED → COMPLETED", 390],
  ]);
});

test("a message without an inbox has only its publishing row", () => {
  const mail = { ...message("SendEmail", "saga", "", 1_390, 0), to: undefined, handledAt: undefined };
  const names = hopsOf([{ ...CHECKOUT, messages: [mail], transitions: [] }]).map(({ name }) => name);
  expect(names).toEqual([
    "intended start → saga created",
    "intended start → 202",
    "SendEmail: written → marked as published",
  ]);
});
