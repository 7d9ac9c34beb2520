// Erases a shopper on real databases: personal data is gone from every row, and the audit stays clean.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { audit } from "../audit/audit.ts";
import { cloneDatabase, type TestDatabase } from "../testkit/database.ts";
import { ConsistentFixture } from "../testkit/consistent-fixture.ts";
import { eraseAsAda } from "../testkit/erasure.ts";
import { errorOf } from "../testkit/kafka.ts";

const IDLE = { settleMs: 5_000, idleWithinMs: 300 };
const CARD = { brand: "brand_of_ada", last4: "4242" };
const PERSONAL = [
  "ada@example.com",
  "Ada Lovelace",
  "12 Secret Street",
  "Hidden Town",
  "HX1 9QQ",
  "brand_of_ada",
];

let system: ConsistentFixture;
let mails: TestDatabase;
let userId: string;
beforeAll(async () => {
  system = await ConsistentFixture.open();
  mails = await cloneDatabase("notification");
});
afterAll(async () => {
  await mails[Symbol.asyncDispose]();
  await system[Symbol.asyncDispose]();
});

beforeEach(async () => {
  await system.reset();
  userId = Bun.randomUUIDv7();
  const { saga, payment, order } = system.databases;
  const [name, line1, city, postal_code] = PERSONAL.slice(1);
  const address = { name, line1, city, postal_code, country: "DE" };
  const { saga_id } = system.completed;
  await saga`update saga_state set user_id = ${userId}, email = ${PERSONAL[0] ?? ""}, shipping_address = ${saga.json(address)},
                    card = ${saga.json(CARD)}
              where saga_id = ${saga_id}`;
  await order`update orders set user_id = ${userId}, shipping_address = ${order.json(address)},
                    card = ${order.json(CARD)} where saga_id = ${saga_id}`;
  await payment`update outbox set payload = payload || ${payment.json({ card: CARD })}
                 where partition_key = ${saga_id} and headers ->> 'type' = 'PaymentSucceeded'`;
  for (const [type, payload] of [
    ["CreateOrder", { shipping_address: address, card: CARD }],
    ["SendNotification", { email: PERSONAL[0] ?? "", card: CARD }],
    ["ReserveInventory", { checkout: { email: PERSONAL[0] ?? "", shipping_address: address } }],
  ] as const)
    await saga`update outbox set payload = payload || ${saga.json(payload)}
                where partition_key = ${saga_id} and headers ->> 'type' = ${type}`;
});

function erase() {
  return eraseAsAda({ ...system.databases, notification: mails.sql }, userId);
}

/** All rows of the four databases, as text. */
async function everything(): Promise<string> {
  const texts: string[] = [];
  for (const sql of Object.values(system.databases)) {
    const tables = await sql<{ name: string }[]>`
      select quote_ident(relname) as name from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace`;
    for (const { name } of tables) {
      const rows = await sql.unsafe(`select t::text as line from ${name} as t`);
      texts.push(...rows.map((row) => String(row["line"])));
    }
  }
  return texts.join("\n");
}

test("erasing removes the shopper's personal data from every row, and the audit is clean", async () => {
  for (const text of PERSONAL) expect(await everything()).toContain(text);
  expect(await erase()).toMatchObject({ checkouts: 1, sagas: 1, orders: 1, messages: 4 });
  for (const text of PERSONAL) expect(await everything()).not.toContain(text);
  const report = await audit(system.sources(), IDLE);
  expect(report.invariants.flatMap(({ findings }) => findings)).toEqual([]);
  const [kept] = await system.databases
    .order`select total_cents, shipping_address from orders where user_id = ${userId}`;
  expect(kept).toMatchObject({
    total_cents: system.completed.total_cents,
    shipping_address: { country: "DE" },
  });
});

test("the mail and the parcel of an order shipped long after its checkout are erased, too", async () => {
  const { saga, order } = system.databases;
  const { saga_id, order_id } = system.completed;
  const at = new Date(Date.now() + 40 * 60_000);
  const message_id = Bun.randomUUIDv7(undefined, at.getTime());
  const mail = { type: "SendNotification", saga_id, email: PERSONAL[0] ?? "", template: "order_shipped" };
  await saga`
    insert into outbox (event_id, topic, partition_key, payload, headers, published, published_at)
    values (${message_id}, 'notification-commands', ${saga_id}, ${saga.json(mail)}, ${saga.json({ type: "SendNotification" })}, true, ${at})`;
  await saga`
    insert into operator_actions (action_id, run_id, action, subject, saga_id, actor, reason, outcome, at, settled_at)
    values (${message_id}, ${message_id}, 'order.ship', ${order_id ?? ""}, ${saga_id}, 'ada', 'packed', 'shipped', ${at}, ${at})`;
  await order`
    update orders set status = 'SHIPPED', shipped_at = ${at}, tracking = ${order.json({ carrier: "DHL", number: "JD0146" })}
     where saga_id = ${saga_id}`;
  expect(await erase()).toMatchObject({ orders: 1, messages: 5 });
  expect(await everything()).not.toContain(PERSONAL[0] ?? "");
  expect([...(await order`select status, tracking from orders where saga_id = ${saga_id}`)]).toEqual([
    { status: "SHIPPED", tracking: null },
  ]);
});

test("the card of a checkout whose money was held first is erased from the reply to the authorization, too", async () => {
  await system.holdFirst();
  const { saga, payment } = system.databases;
  const { saga_id } = system.captured;
  await saga`update saga_state set user_id = ${userId} where saga_id = ${saga_id}`;
  await payment`update outbox set payload = payload || ${payment.json({ card: { ...CARD, last4: "1881" } })}
                 where partition_key = ${saga_id} and headers ->> 'type' = 'PaymentAuthorized'`;
  expect(await everything()).toContain('"1881"');
  await erase();
  expect(await everything()).not.toContain('"1881"');
});

test("the audit trail keeps actor and reason; a second run erases nothing more", async () => {
  await erase();
  expect(await erase()).toMatchObject({ checkouts: 1, sagas: 0, orders: 0 });
  const acts = await system.databases.saga`
    select actor, reason, subject, outcome from operator_actions where action = 'shopper.erase'`;
  expect(acts).toHaveLength(2);
  expect(acts[0]).toEqual({ actor: "ada", reason: "asked", subject: userId, outcome: "erased" });
});

test("a card that an older tool left beside an erased address is erased by a second run", async () => {
  await erase();
  const { saga, order } = system.databases;
  const { saga_id } = system.completed;
  await saga`update saga_state set card = ${saga.json(CARD)} where saga_id = ${saga_id}`;
  await order`update orders set card = ${order.json(CARD)} where saga_id = ${saga_id}`;
  expect(await erase()).toMatchObject({ sagas: 1, orders: 1 });
  expect(await everything()).not.toContain(CARD.brand);
});

test("nothing is erased while a checkout, an unpublished message, a retry or a mail is pending", async () => {
  const { saga, inventory, order } = system.databases;
  const { saga_id } = system.completed;
  const refusedFor = async (what: string) => {
    const before = await everything();
    expect(await errorOf(erase())).toMatchObject({
      code: "MESSAGE_INVALID",
      message: expect.stringContaining(what),
    });
    expect(await everything()).toBe(before);
  };
  await saga`update outbox set published = false, published_at = null where partition_key = ${saga_id}`;
  await refusedFor("messages not published yet");
  await saga`update outbox set published = true, published_at = now() where partition_key = ${saga_id}`;

  await saga`update saga_state set status = 'ORDER_CREATED', completed_at = null, deadline_at = now() where saga_id = ${saga_id}`;
  await refusedFor("1 checkout in progress");
  await saga`update saga_state set status = 'COMPLETED', completed_at = now(), deadline_at = null where saga_id = ${saga_id}`;

  for (const [sql, type] of [
    [saga, "OrderCreated"],
    [inventory, "ReserveInventory"],
    [order, "CreateOrder"],
  ] as const) {
    await sql`insert into retry (message_id, saga_id, message_type, attempts, next_attempt_at, first_failed_at, last_failed_at,
        error_code, error_message, topic, partition, "offset", timestamp_ms, value, headers)
      values (gen_random_uuid(), ${saga_id}, ${type}, 1, now(), now(), now(), 'X', 'x', 't', 0, 0, 0, '{}', '{}')`;
    await refusedFor("1 command waiting for a retry");
    await sql`truncate retry`;
  }

  await mails.sql`insert into waiting_mails (mail_key, saga_id, attempts, first_failed_at, stored_at, next_attempt_at, last_reply,
      topic, partition, "offset", timestamp_ms, value, headers)
    values ('k', ${saga_id}, 1, now(), now(), now(), '450', 't', 0, 0, 0, '{}', '{}')`;
  await refusedFor("1 mail waiting");
  await mails.sql`truncate waiting_mails`;
});
