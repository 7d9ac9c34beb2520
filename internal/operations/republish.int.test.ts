// Kafka wiped: its topics are gone, with messages that were handled and messages that were not. The outboxes still have all of
// them, and say them again.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import type { CancelOrder } from "../../schemas/commands.ts";
import { Relay } from "../messaging/relay.ts";
import { relayMetrics } from "../messaging/telemetry.ts";
import { openAdmin } from "../platform/kafka/admin.ts";
import { openProducer } from "../platform/kafka/producer.ts";
import { readTopic } from "../platform/kafka/read-topic.ts";
import { cancelOrder } from "../testkit/commands.ts";
import { CountingService } from "../testkit/counting-service.ts";
import { cloneDatabase, type TestDatabase } from "../testkit/database.ts";
import { kafkaBrokers } from "../testkit/servers.ts";
import { noLog, noMeter } from "../testkit/silence.ts";
import { planRepublish, reachesPastRetention, republish, type RepublishOptions } from "./republish.ts";

const HOUR_MS = 60 * 60 * 1_000;
const KAFKA = { brokers: kafkaBrokers(), clientId: "test" };

let service: CountingService;
let saga: TestDatabase;
beforeAll(async () => {
  [service, saga] = await Promise.all([CountingService.create(), cloneDatabase("saga")]);
});
beforeEach(async () => {
  await service.database.sql`truncate outbox, inbox, counter`;
  await saga.sql`truncate operator_actions`;
});
afterAll(async () => {
  await Promise.all([service[Symbol.asyncDispose](), saga[Symbol.asyncDispose]()]);
});

/** The outbox of the service's database plays its sender's. */
async function say(commands: readonly CancelOrder[]): Promise<void> {
  await service.database.sql`
    insert into outbox (event_id, topic, partition_key, payload, headers)
    select (payload ->> 'message_id')::uuid, ${service.topic}::text, payload ->> 'saga_id', payload, '{"type": "CancelOrder"}'
      from jsonb_array_elements(${JSON.stringify(commands)}::text::jsonb) payload`;
}

async function relay(): Promise<void> {
  await using producer = await openProducer(KAFKA);
  const one = new Relay({
    database: service.database.postgres,
    databaseName: "order",
    producer,
    clock: { now: Date.now },
    metrics: relayMetrics(noMeter),
    log: noLog,
  });
  while ((await one.runOnce()).processed > 0);
}

async function wipeKafka(): Promise<void> {
  await using admin = await openAdmin(KAFKA);
  await admin.deleteTopics([service.topic]);
  const isThere = async () => (await admin.describeTopics()).some(({ topic }) => topic === service.topic);
  while (await isThere()) await Bun.sleep(20);
  await admin.createTopics([{ topic: service.topic, partitions: 1, replicationFactor: 1 }]);
}

async function inKafka(): Promise<unknown[]> {
  const values: unknown[] = [];
  for await (const batch of readTopic({ ...KAFKA, topic: service.topic })) values.push(...batch.values);
  return values;
}

function options(overrides: Partial<RepublishOptions> = {}): RepublishOptions {
  const { sql } = service.database;
  return {
    databases: { saga: saga.sql, inventory: sql, payment: sql, order: sql },
    names: ["order"],
    stretch: { since: Date.now() - HOUR_MS, until: Date.now() + HOUR_MS },
    clock: { now: Date.now },
    newId: () => Bun.randomUUIDv7(),
    actor: "ada",
    reason: "lost both disks",
    signal: new AbortController().signal,
    onProgress: () => undefined,
    onWaiting: () => undefined,
    ...overrides,
  };
}

const commands = (count: number) => Array.from({ length: count }, () => cancelOrder(Bun.randomUUIDv7()));

test("Kafka wiped: what it had is published again, what was handled is not done again, what was lost is done", async () => {
  // given three that were handled, and two that nobody had read
  const [handled, lost] = [commands(3), commands(2)];
  await say(handled);
  await relay();
  {
    await using before = await service.start();
    await before.handle(3);
  }
  // What the service answered goes to another topic, which is another story.
  await service.database.sql`delete from outbox where topic <> ${service.topic}`;
  await say(lost);
  await relay();
  await wipeKafka();
  expect(await inKafka()).toEqual([]);
  // when
  expect(await planRepublish(options())).toEqual([{ database: "order", events: 5 }]);
  const report = await republish(options());
  await relay();
  // then
  expect(report).toMatchObject({ outboxes: [{ database: "order", events: 5 }], interrupted: false });
  expect(await inKafka()).toEqual([...handled, ...lost]);
  await using after = await service.start();
  expect(await after.handle(5)).toEqual({ handled: 2, duplicates: 3, parked: 0, deadLettered: 0 });
  expect(await service.counts()).toEqual(
    Object.fromEntries([...handled, ...lost].map(({ saga_id }) => [saga_id, 1])),
  );
  expect([...(await saga.sql`select action, subject, actor, reason, outcome from operator_actions`)]).toEqual(
    [
      {
        action: "outbox.republish",
        subject: "order",
        actor: "ada",
        reason: "lost both disks",
        outcome: "republished",
      },
    ],
  );
});

test("only what lies in the stretch of time is published again, and what waits already is left alone", async () => {
  const [first, second, third] = commands(3);
  if (first === undefined || second === undefined || third === undefined) throw new Error("three were made");
  await say([first, second]);
  await relay();
  await say([third]);
  const timeOf = ({ message_id }: CancelOrder) =>
    Number.parseInt(message_id.slice(0, 8) + message_id.slice(9, 13), 16);
  const past = { since: timeOf(first) - HOUR_MS, until: timeOf(first) - 1 };
  expect((await republish(options({ stretch: past }))).outboxes).toEqual([{ database: "order", events: 0 }]);
  expect((await republish(options())).outboxes).toEqual([{ database: "order", events: 2 }]);
  expect((await republish(options())).outboxes).toEqual([{ database: "order", events: 0 }]);
});

test("a mail is said again while its service remembers whether it was sent, and never after", async () => {
  const mail = (ageMs: number) => {
    const time = (Date.now() - ageMs).toString(16).padStart(12, "0");
    return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-000000000000`;
  };
  const DAY_MS = 24 * HOUR_MS;
  for (const event_id of [mail(HOUR_MS), mail(DAY_MS)])
    await service.database.sql`
      insert into outbox (event_id, topic, partition_key, payload, headers, published, published_at)
      values (${event_id}, 'notification-commands', 'saga', '{}', '{}', true, now())`;
  const stretch = { since: Date.now() - 3 * DAY_MS, until: Date.now() };
  expect(await planRepublish(options({ stretch }))).toEqual([{ database: "order", events: 1 }]);
  expect((await republish(options({ stretch }))).outboxes).toEqual([{ database: "order", events: 1 }]);
  const waiting = await service.database.sql`select event_id from outbox where not published`;
  expect([...waiting]).toEqual([{ event_id: expect.stringContaining("-7000-8000-") }]);
});

test("told to stop, it begins nothing more and says so", async () => {
  await say(commands(2));
  await relay();
  const report = await republish(options({ signal: AbortSignal.abort() }));
  expect(report).toMatchObject({ outboxes: [], interrupted: true });
});

test("outboxes reach back seven days", () => {
  const stretch = { since: 0, until: HOUR_MS };
  expect(reachesPastRetention(stretch, 7 * 24 * HOUR_MS)).toBe(false);
  expect(reachesPastRetention(stretch, 7 * 24 * HOUR_MS + 1)).toBe(true);
});
