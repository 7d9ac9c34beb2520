// What a trace shows of an attempt to send a mail.
import { expect, test } from "bun:test";
import type { SendNotification } from "../../../schemas/notification.ts";
import { RecordingTracer, traceparentNo } from "../../testkit/recorded-spans.ts";
import { CONFIRMATION } from "../../testkit/confirmation.ts";
import type { Outcome } from "./courier.ts";
import { sendTraced } from "./mail-spans.ts";
import { noLink } from "./mail-shop.ts";
import { noNames } from "./product-names.ts";

const command: SendNotification = {
  ...CONFIRMATION,
  traceparent: traceparentNo(1),
};
const delivery = {
  message: command,
  raw: () => ({ topic: "notifications", partition: 3, offset: 7 }),
};
const shop = { name: "Larkfield", linkOf: noLink };

function attempt(outcome: () => Promise<Outcome>) {
  const tracer = new RecordingTracer();
  const courier = { send: outcome };
  return { tracer, result: sendTraced(delivery, 2, { tracer, courier, shop, names: noNames }) };
}

test("the mail server's part of the time begins when the mail is composed", async () => {
  const tracer = new RecordingTracer();
  const open = () => tracer.spans.map(({ name }) => name);
  const seen: Record<string, readonly string[]> = {};
  const names = {
    of: async () => {
      seen["inventory is asked"] = open();
      return new Map();
    },
  };
  const courier = {
    send: async () => {
      seen["the mail is sent"] = open();
      return { kind: "sent" } as const;
    },
  };
  await sendTraced(delivery, 1, { tracer, courier, shop, names });
  expect(seen).toEqual({
    "inventory is asked": ["process notifications SendNotification"],
    "the mail is sent": ["process notifications SendNotification", "send mail"],
  });
});

test("an attempt continues the trace of its checkout and says how it ended", async () => {
  const { tracer, result } = attempt(async () => ({ kind: "later", reply: "450 busy" }));
  expect(await result).toEqual({ kind: "later", reply: "450 busy" });
  expect(tracer.spans).toMatchObject([
    {
      name: "process notifications SendNotification",
      kind: "consumer",
      parent: traceparentNo(1),
      attributes: {
        "messaging.system": "kafka",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "notifications",
        "messaging.destination.partition.id": "3",
        "messaging.kafka.offset": 7,
        "messaging.consumer.group.name": "notification",
        "messaging.message.id": command.message_id,
        "checkout.message.type": "SendNotification",
        "saga.id": command.saga_id,
        "checkout.outcome": "later",
      },
      failure: "later",
      isEnded: true,
    },
    {
      name: "send mail",
      kind: "client",
      parent: tracer.spans[0]?.traceparent,
      attributes: {
        "checkout.mail.template": "order_confirmed",
        "checkout.attempt": 2,
        "checkout.outcome": "later",
      },
      failure: "later",
      isEnded: true,
    },
  ]);
});

test("the spans end also when the courier fails", async () => {
  const boom = new Error("boom");
  const { tracer, result } = attempt(() => Promise.reject(boom));
  expect(await result.catch((error: unknown) => error)).toBe(boom);
  expect(tracer.spans.map(({ isEnded }) => isEnded)).toEqual([true, true]);
});
