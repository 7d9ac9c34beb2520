// A database has lost its last moments, on real databases: for each kind of loss in each of the four the audit names the checkout.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { inboxOf } from "../../schemas/consumers.ts";
import { DATABASES, type DatabaseName } from "../../schemas/migrations.ts";
import { MESSAGES, type MessageType } from "../../schemas/registry.ts";
import { TOPICS } from "../../schemas/topics.ts";
import { ConsistentFixture } from "../testkit/consistent-fixture.ts";
import { audit } from "./audit.ts";

let system: ConsistentFixture;
beforeAll(async () => {
  system = await ConsistentFixture.open();
});
beforeEach(async () => {
  await system.reset();
  // So that each database gets more than one message in a partition.
  for (const type of ["CancelPayment", "RefundPayment", "CancelOrder"])
    await system.say("saga", TOPICS.commands, type, system.refunded.saga_id);
});
afterAll(() => system[Symbol.asyncDispose]());

interface Finding {
  readonly name: string;
  readonly saga_id: string | null;
  readonly detail: string;
}

async function found(journal: readonly string[] = []): Promise<readonly Finding[]> {
  const sources = { ...system.sources(), journal: () => journal };
  const report = await audit(sources, { settleMs: 5_000, idleWithinMs: null });
  return report.invariants.flatMap(({ name, findings }) => findings.map((one) => ({ name, ...one })));
}

async function namedBy(invariant: string, journal?: readonly string[]): Promise<readonly (string | null)[]> {
  return (await found(journal)).filter(({ name }) => name === invariant).map(({ saga_id }) => saga_id);
}

interface Sent {
  readonly message_id: string;
  readonly type: MessageType;
  readonly saga_id: string;
}

function isSent(value: unknown): value is Sent {
  const type: unknown = Reflect.get(Object(value), "type");
  return typeof type === "string" && Object.hasOwn(MESSAGES, type);
}

/** All messages to this database, in the order of Kafka. */
function messagesTo(database: DatabaseName): readonly Sent[] {
  const all = Object.values(TOPICS).flatMap((topic) => system.topics.get(topic) ?? []);
  return all.filter(isSent).filter(({ type }) => inboxOf(type) === database);
}

const take = async (database: DatabaseName, ...messages: readonly Sent[]) => {
  for (const { message_id } of messages) await system.insert(database, "inbox", { message_id });
};

test("a saga: by the journal, by what others have of it, and by its messages", async () => {
  const { saga_id } = system.completed;
  await system.databases.saga`delete from saga_state where saga_id = ${saga_id}`;
  await system.databases.saga`delete from saga_history where saga_id = ${saga_id}`;
  await system.databases.saga`delete from outbox where partition_key = ${saga_id}`;
  expect(await namedBy("accepted-exists", [saga_id])).toEqual([saga_id]);
  const things = (await found()).filter(({ name }) => name === "everything-has-a-saga");
  expect(new Set(things.map((one) => one.saga_id))).toEqual(new Set([saga_id]));
  for (const what of ["reservation", "payment", "order", "the provider's charge"])
    expect(things.some(({ detail }) => detail.startsWith(what))).toBe(true);
  expect(new Set(await namedBy("kafka-comes-from-an-outbox"))).toEqual(new Set([saga_id]));
});

test("the last step of a saga's history", async () => {
  const { saga_id } = system.completed;
  await system.databases.saga`
    delete from saga_history where history_id = (select max(history_id) from saga_history where saga_id = ${saga_id})`;
  expect(await namedBy("history-is-legal")).toEqual([saga_id]);
});

test.each(DATABASES)("a message that the outbox of %s has sent", async (database) => {
  const [row] = await system.databases[database]<{ event_id: string; saga_id: string }[]>`
    delete from outbox where event_id = (select max(event_id::text)::uuid from outbox) returning event_id, partition_key as saga_id`;
  const named = (await found()).filter(({ name }) => name === "kafka-comes-from-an-outbox");
  expect(named).toMatchObject([
    { saga_id: row?.saga_id ?? "no row", detail: expect.stringContaining(row?.event_id ?? "") },
  ]);
});

test.each(DATABASES)("a message that %s has taken", async (database) => {
  const [forgotten, ...later] = messagesTo(database);
  if (forgotten === undefined) throw new Error("it gets no message");
  await take(database, ...later);
  const named = (await found()).filter(({ name }) => name === "nothing-is-passed-over");
  expect(named).toMatchObject([
    { saga_id: forgotten.saga_id, detail: expect.stringContaining(`is not in the ${database} inbox`) },
  ]);
  await take(database, forgotten);
  expect(await namedBy("nothing-is-passed-over")).toEqual([]);
});

test("what is on its way, retried, dead-lettered or sent again is not passed over", async () => {
  const [first, ...later] = messagesTo("payment");
  if (first === undefined) throw new Error("it gets no message");
  // The newest is on its way.
  await take("payment", first);
  expect(await namedBy("nothing-is-passed-over")).toEqual([]);
  await system.databases.payment`truncate inbox`;
  await take("payment", ...later);
  expect(await namedBy("nothing-is-passed-over")).toEqual([first.saga_id]);
  // Sent again, and not taken yet.
  system.topics.get(TOPICS.commands)?.push(first);
  expect(await namedBy("nothing-is-passed-over")).toEqual([]);
  system.topics.get(TOPICS.commands)?.pop();
  const given = {
    service: "payment",
    original_command: first,
    original: {},
    dead_letter_id: Bun.randomUUIDv7(),
  };
  system.topics.get(TOPICS.deadLetters)?.push(given);
  expect(await namedBy("nothing-is-passed-over")).toEqual([]);
  system.topics.get(TOPICS.deadLetters)?.pop();
  const past = new Date(Date.now() - 1_000);
  await system.insert("payment", "retry", {
    message_id: first.message_id,
    saga_id: first.saga_id,
    message_type: first.type,
    attempts: 1,
    next_attempt_at: past,
    first_failed_at: past,
    last_failed_at: past,
    error_code: "X",
    error_message: "x",
    topic: TOPICS.commands,
    partition: 0,
    offset: 0,
    timestamp_ms: 0,
    value: Buffer.from("{}"),
    headers: system.databases.payment.json([]),
  });
  expect(await namedBy("nothing-is-passed-over")).toEqual([]);
});

test("a reservation", async () => {
  const { saga_id } = system.completed;
  await system.databases.inventory`delete from reservations where saga_id = ${saga_id}`;
  await system.databases.inventory`update inventory set available_count = stocked_count`;
  expect(await namedBy("completed-has-its-stock")).toEqual([saga_id]);
});

test("a payment that the provider has charged", async () => {
  const { saga_id } = system.completed;
  await system.databases.payment`delete from payments where saga_id = ${saga_id}`;
  expect(await namedBy("payments-agree-with-provider")).toEqual([saga_id]);
});

test("a refund that the provider has made", async () => {
  const { saga_id, payment_id } = system.refunded;
  await system.databases.payment`delete from refunds where payment_id = ${payment_id}`;
  await system.databases.payment`update payments set status = 'SUCCEEDED' where payment_id = ${payment_id}`;
  expect(new Set(await namedBy("payments-agree-with-provider"))).toEqual(new Set([saga_id]));
});

test("an order", async () => {
  const { saga_id } = system.completed;
  await system.databases.order`delete from orders where saga_id = ${saga_id}`;
  expect(await namedBy("completed-has-its-order")).toEqual([saga_id]);
});
