// The simulator's events as a receiver gets them: with a signature that Stripe's SDK accepts, repeated until they are accepted, and
// lost, doubled and shuffled on demand.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { Stripe } from "stripe";
import { TestProvider, waitFor } from "./test-provider.ts";

const SECRET = "whsec_of_the_tests";

let received: Stripe.Event[];
/** The receiver's next answers, in order; 200 when the list is empty. */
let answers: number[];
let receiver: Bun.Server<undefined>;
let provider: TestProvider;

beforeEach(async () => {
  [received, answers] = [[], []];
  receiver = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const [body, signature] = [await request.text(), request.headers.get("stripe-signature") ?? ""];
      const event = await Stripe.webhooks.constructEventAsync(
        body,
        signature,
        SECRET,
        1,
        undefined,
        provider.nowMs,
      );
      received.push(event);
      return new Response(null, { status: answers.shift() ?? 200 });
    },
  });
  provider = new TestProvider({ url: receiver.url.href, secret: SECRET });
  await provider.setFaults({ webhook_delay_ms: 0 });
});
afterEach(async () => {
  await provider[Symbol.asyncDispose]();
  await receiver.stop(true);
});

const arrived = (count: number) => waitFor(async () => received.length >= count);

test("each charge, decline and refund sends an event with the object of that moment", async () => {
  const charge = await provider.charge();
  await arrived(1);
  await provider.charge("pm_card_visa_chargeDeclined", "declined").catch(() => undefined);
  await arrived(2);
  const refund = await provider.stripe.refunds.create({ payment_intent: charge.id });
  await arrived(3);
  expect(received.map(({ type }) => type)).toEqual([
    "payment_intent.succeeded",
    "payment_intent.payment_failed",
    "refund.created",
  ]);
  expect(received.map(({ data }) => data.object)).toMatchObject([
    { id: charge.id, status: "succeeded", amount: 4_200, metadata: charge.metadata },
    { status: "requires_payment_method", last_payment_error: { code: "card_declined" } },
    { id: refund.id, payment_intent: charge.id, amount: 4_200 },
  ]);
  expect(new Set(received.map(({ id }) => id)).size).toBe(3);
});

test("a lost reply still sends its event, and a replayed answer sends no second one", async () => {
  await provider.charge("pm_sim_reply_lost", "lost").catch(() => undefined);
  const again = await provider.charge("pm_sim_reply_lost", "lost");
  await provider.charge("pm_card_visa", "other");
  await arrived(2);
  expect(received.filter(({ data }) => "id" in data.object && data.object.id === again.id)).toHaveLength(1);
});

test("an event that is not accepted comes again, unchanged and freshly signed", async () => {
  answers = [503];
  await provider.charge();
  await arrived(1);
  // The receiver accepts no signature older than 1 s.
  provider.nowMs += 60_000;
  await arrived(2);
  expect(received[1]).toEqual(received[0] ?? expect.unreachable());
  expect(await provider.stats()).toMatchObject({
    webhooks_sent: 2,
    webhooks_failed: 1,
    webhooks_delivered: 1,
  });
});

test("faults lose, double and shuffle events", async () => {
  await provider.setFaults({ webhook_drop_rate: 1 });
  await provider.charge("pm_card_visa", "dropped");
  await waitFor(async () => (await provider.stats())["webhooks_lost"] === 1);
  expect(received).toEqual([]);

  await provider.setFaults({ webhook_duplicate_rate: 1, webhook_delay_ms: 0, webhook_jitter_ms: 200 });
  const made: string[] = [];
  for (let count = 0; count < 10; count += 1)
    made.push((await provider.charge("pm_card_visa", `${count}`)).id);
  await arrived(20);
  const told = received.map(({ data }) => ("id" in data.object ? data.object.id : ""));
  expect(told.toSorted()).toEqual([...made, ...made].toSorted());
  expect(told).not.toEqual(made.flatMap((id) => [id, id]));
});

test("a simulator that stops abandons undelivered events", async () => {
  await provider.setFaults({ webhook_delay_ms: 3_600_000 });
  await provider.charge();
  await provider.stop();
  provider.start();
  expect(received).toEqual([]);
});
