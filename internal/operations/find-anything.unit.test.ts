// The number that a shopper reads out, against made-up answers; the other kinds are in find-anything.int.test.ts.
import { expect, test } from "bun:test";
import { AppError } from "../kernel/errors.ts";
import { orderNumberOf } from "../kernel/order-number.ts";
import { sqlThat } from "../testkit/console.ts";
import { findAnything } from "./find-anything.ts";

const ORDER = "019ace50-0000-7000-9000-000000000001";

test("an order number finds its order, also with blanks and in lower case", async () => {
  const hit = { kind: "order", id: ORDER, saga_id: null, what: "CONFIRMED" };
  // Of the same second, with another number.
  const other = "019ace50-0000-7000-9000-000000000002";
  const nothing = () => sqlThat(async () => []);
  for (const text of [orderNumberOf(ORDER), orderNumberOf(ORDER).toLowerCase().replaceAll("-", " ")]) {
    const answers: unknown[][] = [[{ order_id: ORDER }, { order_id: other }], [hit]];
    const order = () => sqlThat(async () => answers.shift() ?? []);
    const words = text.replaceAll("-", " ");
    const { hits } = await findAnything(
      { saga: nothing, inventory: nothing, payment: nothing, order },
      words,
    );
    expect(hits.map(({ kind, id }) => [kind, id])).toEqual([["order", ORDER]]);
  }
});

test("a Kafka that is silent is named in time", async () => {
  const away = () => Promise.reject(new AppError("DATABASE_UNAVAILABLE", "it does not answer"));
  const silence = Promise.withResolvers<never>();
  async function* silent() {
    yield await silence.promise;
  }
  const found = await findAnything(
    { saga: away, inventory: away, payment: away, order: away },
    ORDER,
    silent,
    { withinMs: 20 },
  );
  expect(found.missing).toContainEqual({
    database: "dead letters",
    reason: expect.stringContaining("within 20 ms"),
  });
});
