// Erasing a shopper reads the minutes of their checkouts from full outboxes, and not the outboxes, with statistics and without.
import { expect, test } from "bun:test";
import type { Sql } from "postgres";
import { ERASED } from "../../schemas/fields.ts";
import { cloneDatabase } from "../testkit/database.ts";
import { eraseAsAda } from "../testkit/erasure.ts";
import { rowsRead } from "../testkit/plans/judge.ts";
import { PlanWatch } from "../testkit/plans/watch.ts";

/** Of all shoppers, over the last 20 hours. */
const MESSAGES = 20_000;
/** Of this shopper, before the outboxes begin. */
const FORGOTTEN = 300;
/** Of this shopper, within the outboxes. */
const RECENT = 5;
/** Each reads about five minutes, less than 100 messages. */
const MAX_ROWS = FORGOTTEN + 2 * RECENT * 100;

const userId = Bun.randomUUIDv7();

async function fillOutbox(sql: Sql, type: string): Promise<void> {
  await sql`
    insert into outbox (event_id, topic, partition_key, payload, headers, published, published_at)
    select uuidv7(n * interval '20 hours' / ${-MESSAGES}::integer), 'load', uuidv7()::text, '{"card": {}}',
           json_build_object('type', ${type}::text), true, now()
      from generate_series(1, ${MESSAGES}::integer) n`;
}

/** Finished checkouts of the shopper, `hours` apart, the first so many hours ago. Returns their ids. */
async function addSagas(sql: Sql, count: number, hours: number): Promise<readonly string[]> {
  const rows = await sql<{ saga_id: string }[]>`
    insert into saga_state (saga_id, user_id, cart_items, status, current_step, table_version, currency, total_cents,
           shipping_address, email, client_key, body_hash, order_id, created_at, updated_at, completed_at)
    select id, ${userId}, '[]', 'COMPLETED', 'order', 1, 'EUR', 1, '{"country": "DE"}', 'ada@example.com', id::text, '', id,
           at, at, at + interval '1 minute'
      from (select uuidv7() as id, now() - (${hours}::integer * n) * interval '1 hour' as at
              from generate_series(1, ${count}::integer) n) as sagas
    returning saga_id`;
  return rows.map(({ saga_id }) => saga_id);
}

/** One message of each checkout, written when it was created. */
async function addMessages(sql: Sql, saga: Sql, sagaIds: readonly string[], type: string): Promise<void> {
  const sagas = await saga<{ saga_id: string; ago: number }[]>`
    select saga_id, extract(epoch from now() - created_at)::float8 as ago from saga_state
     where saga_id = any(${[...sagaIds]}::uuid[])`;
  for (const { saga_id, ago } of sagas)
    await sql`
      insert into outbox (event_id, topic, partition_key, payload, headers, published, published_at)
      values (uuidv7(${-ago} * interval '1 second'), 'load', ${saga_id},
              '{"card": {"brand": "of_ada"}, "email": "ada@example.com"}', json_build_object('type', ${type}::text), true, now())`;
}

test("an erasure reads the minutes of the checkouts, however many messages the outboxes hold", async () => {
  const watch = new PlanWatch();
  await using saga = await watch.clone("saga");
  await using payment = await watch.clone("payment");
  await using inventory = await cloneDatabase("inventory");
  await using order = await cloneDatabase("order");
  await using notification = await cloneDatabase("notification");
  // As checkoutctl connects.
  await using sagaTool = watch.openFresh(saga);
  await using paymentTool = watch.openFresh(payment);
  await fillOutbox(saga.sql, "SendNotification");
  await fillOutbox(payment.sql, "PaymentSucceeded");
  await addSagas(saga.sql, FORGOTTEN, 24);
  const faults: string[] = [];
  for (const state of ["no statistics", "analysed"]) {
    const recent = await addSagas(saga.sql, RECENT, 3);
    await addMessages(saga.sql, saga.sql, recent, "SendNotification");
    await addMessages(payment.sql, saga.sql, recent, "PaymentSucceeded");
    if (state === "analysed") for (const { sql } of [saga, payment]) await sql`analyze`;
    watch.plans = [];
    const databases = { saga: sagaTool.sql, payment: paymentTool.sql };
    const others = { inventory: inventory.sql, order: order.sql, notification: notification.sql };
    const { messages } = await eraseAsAda({ ...databases, ...others }, userId);
    expect(messages).toBeGreaterThanOrEqual(2 * RECENT);
    const updates = watch.plans.filter(({ text }) => text.startsWith("update outbox"));
    expect(updates).toHaveLength(2);
    for (const { text, plan } of updates)
      if (rowsRead(plan) > MAX_ROWS) faults.push(`${state}: ${rowsRead(plan)} rows by ${text}`);
  }
  expect(faults).toEqual([]);
  const left = await payment.sql`select from outbox where payload -> 'card' ->> 'brand' = 'of_ada'`;
  expect(left).toHaveLength(0);
  const mails = await saga.sql`
    select from outbox where partition_key in (select saga_id::text from saga_state where user_id = ${userId})
                         and payload ->> 'email' <> ${ERASED.email}`;
  expect(mails).toHaveLength(0);
});
