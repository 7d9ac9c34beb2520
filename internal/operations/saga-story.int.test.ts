// The story of a saga, over four real databases.
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { DatabaseName } from "../../schemas/migrations.ts";
import { ConsistentFixture } from "../testkit/consistent-fixture.ts";
import { alreadyOpen } from "./reach.ts";
import { sagaStory } from "./saga-story.ts";

const HOUR_MS = 3_600_000;

let fixture: ConsistentFixture;
beforeAll(async () => {
  fixture = await ConsistentFixture.open();
  await fixture.reset();
});
afterAll(() => fixture[Symbol.asyncDispose]());

/** A message that the outbox of this database got, and that Kafka got, at `at`. */
async function send(database: DatabaseName, sagaId: string, type: string, at: number): Promise<void> {
  await fixture.databases[database]`
    insert into outbox (event_id, topic, partition_key, payload, headers, created_at, published, published_at)
    values (${Bun.randomUUIDv7("hex", at)}, 'checkout-commands', ${sagaId}, '{}', ${JSON.stringify({ type })}::text::jsonb,
            to_timestamp(${at}::float8 / 1000), true, to_timestamp(${at}::float8 / 1000))`;
}

test("messages of a shipment, a cancellation and a refund that come days later are told, those of others are not", async () => {
  const { saga_id, order_id } = fixture.completed;
  const { saga, payment } = fixture.databases;
  const now = Date.now();
  const [shipped, cancelled, refunded] = [now - 30 * HOUR_MS, now - 20 * HOUR_MS, now - 10 * HOUR_MS];
  await saga`
    insert into operator_actions (action_id, run_id, action, subject, saga_id, actor, reason, outcome, at, settled_at)
    select uuidv7(), uuidv7(), 'order.ship', ${order_id}, ${saga_id}, 'ada', 'packed', 'shipped', at, at
      from to_timestamp(${shipped}::float8 / 1000) at`;
  await saga`
    insert into order_cancellations (cancellation_id, saga_id, order_id, status, step, created_at, updated_at, deadline_at)
    select uuidv7(), ${saga_id}, ${order_id}, 'CANCELLING', 'refund', at, at, at from to_timestamp(${cancelled}::float8 / 1000) at`;
  await payment`
    insert into refunds (refund_id, payment_id, amount_cents, status, next_attempt_at, created_at, updated_at, idempotency_key)
    select uuidv7(), payment_id, 1, 'PENDING', at, at, at, 'refund-later' from payments, to_timestamp(${refunded}::float8 / 1000) at
     where saga_id = ${saga_id}`;
  await send("order", saga_id, "OrderShipped", shipped);
  await send("saga", saga_id, "CancelOrder", cancelled + 1_000);
  await send("payment", saga_id, "PaymentRefunded", refunded);
  await send("saga", fixture.refunded.saga_id, "ReleaseInventory", refunded);

  const story = await sagaStory(alreadyOpen(fixture.databases), saga_id);
  const told = story?.timeline.flatMap(({ id, at, what }) =>
    id.startsWith("m-") && at < now - HOUR_MS ? [what.split(" ")[0]] : [],
  );
  expect(told).toEqual(["OrderShipped", "CancelOrder", "PaymentRefunded"]);
});

test("a message that was replayed is told twice: when it was sent first, by its id, and when again", async () => {
  const { saga_id, created_at } = await createdAt();
  const [first, again] = [created_at + 1_000, Date.now() - 60_000];
  await send("saga", saga_id, "SendNotification", first);
  await fixture.databases.saga`
    update outbox set created_at = to_timestamp(${again}::float8 / 1000), published_at = to_timestamp(${again + 7}::float8 / 1000)
     where partition_key = ${saga_id} and headers ->> 'type' = 'SendNotification'
       and event_id >= uuid_v7_floor(to_timestamp(${first - 1}::float8 / 1000))
       and event_id < uuid_v7_floor(to_timestamp(${first + 2}::float8 / 1000))`;

  const story = await sagaStory(alreadyOpen(fixture.databases), saga_id);
  const told = story?.timeline.flatMap(({ at, what }) =>
    /^SendNotification .*again/.test(what) ? [[at, what]] : [],
  );
  expect(told).toEqual([
    [first, "SendNotification to checkout-commands, first time; it was sent again later"],
    [again, "SendNotification to checkout-commands, sent again, in Kafka within 7 ms"],
  ]);
});

/** A saga of an hour ago. */
async function createdAt() {
  const { saga_id } = fixture.refunded;
  const created_at = Date.now() - HOUR_MS;
  await fixture.databases.saga`
    update saga_state set created_at = to_timestamp(${created_at}::float8 / 1000) where saga_id = ${saga_id}`;
  return { saga_id, created_at };
}
