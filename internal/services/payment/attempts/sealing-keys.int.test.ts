// Different sealing keys, and their exchange: a payment whose key is not here waits for a process that has it, and no shopper hears that
// the card is wrong. Real Postgres, the real provider simulator, one executor per process.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { AppError } from "../../../kernel/errors.ts";
import { createOpener, createSealer, generateSealingKeys, withOlderKeys } from "../../../platform/seal.ts";
import { cancelPayment, chargePayment } from "../../../testkit/commands.ts";
import { TestPayment } from "../../../testkit/payment.ts";
import { noMeter } from "../../../testkit/noop-telemetry.ts";
import { WatchedOpener } from "./watched-opener.ts";

const LONG_ENOUGH_MS = 5_000;
const [older, newer] = [await generateSealingKeys(), await generateSealingKeys()];
const [sealOld, sealNew] = [await createSealer(older.publicJwk), await createSealer(newer.publicJwk)];
const opensOld = await createOpener(older.privateJwk);
const opensBoth = await createOpener(withOlderKeys(newer.privateJwk, older.privateJwk));
const opensNew = await createOpener(newer.privateJwk);

let payment: TestPayment;
beforeAll(async () => {
  payment = await TestPayment.open();
});
afterAll(() => payment[Symbol.asyncDispose]());

async function charge(sealed: string): Promise<string> {
  const id = Bun.randomUUIDv7();
  await payment.handle(chargePayment(id, sealed));
  return id;
}

test("a payment sealed to a key that is not here waits, and a process with the key charges it", async () => {
  const id = await charge(await sealNew("pm_card_visa"));
  expect(await payment.round(opensOld)).toBe(1);
  expect(await payment.status(id)).toBe("PENDING");
  expect(await payment.eventTypes(id)).toEqual([]);
  payment.advance(LONG_ENOUGH_MS);
  expect(await payment.round(opensBoth)).toBe(1);
  expect(await payment.eventTypes(id)).toEqual(["PaymentSucceeded"]);
  expect(payment.money(id)).toEqual({ net_cents: 600, charges: 1 });
});

test("a key exchange in steps declines no payment", async () => {
  const first = await charge(await sealOld("pm_card_visa"));
  await payment.round(opensOld);
  // The payment service has both keys; gateways change one after the other.
  const [second, third] = [
    await charge(await sealOld("pm_card_visa")),
    await charge(await sealNew("pm_card_visa")),
  ];
  await payment.round(opensBoth);
  // Every gateway seals to the new key, and the old one is removed.
  const last = await charge(await sealNew("pm_card_visa"));
  await payment.round(opensNew);
  for (const id of [first, second, third, last])
    expect(await payment.eventTypes(id)).toEqual(["PaymentSucceeded"]);
});

test("a payment that waits for a key is cancelled without a request when its saga starts to compensate", async () => {
  const id = await charge(await sealNew("pm_card_visa"));
  await payment.round(opensOld);
  await payment.handle(cancelPayment(id));
  payment.advance(LONG_ENOUGH_MS);
  await payment.round(opensOld);
  expect(await payment.eventTypes(id)).toEqual(["PaymentCancelled"]);
  expect(payment.money(id)).toEqual({ net_cents: 0, charges: 0 });
});

test("a token that cannot be opened is reported in the log, in the metric, and for a minute by readiness", async () => {
  let now = 0;
  const reported: AppError[] = [];
  const counted: unknown[] = [];
  const counter = { inc: (labels: object, by = 1) => void (by > 0 && counted.push(labels)) };
  const opener = new WatchedOpener({
    open: opensOld,
    clock: { now: () => now },
    meter: { ...noMeter, counter: () => counter },
    onUnopened: (error) => void reported.push(error),
  });
  expect(await opener.open(await sealOld("pm_card_visa"))).toBe("pm_card_visa");
  await opener.ready();
  await expect(opener.open(await sealNew("pm_card_visa"))).rejects.toThrow("not configured here");
  await expect(opener.open("pm_card_visa")).rejects.toThrow("not sealed");
  expect(reported.map(({ code }) => code)).toEqual(["SEAL_KEY_UNKNOWN", "SEAL_INVALID"]);
  expect(counted).toEqual([{ reason: "unknown_key" }, { reason: "invalid" }]);
  await expect(opener.ready()).rejects.toThrow("not sealed");
  now = 60_000;
  await opener.ready();
});
