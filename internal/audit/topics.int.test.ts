// The comparison of outboxes with topics, against a real broker.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { FIELD_SEPARATOR, RECORD_SEPARATOR } from "../kernel/ports.ts";
import { openProducer } from "../platform/kafka/producer.ts";
import { readTopic } from "../platform/kafka/read-topic.ts";
import { freshTopic, sendBytes } from "../testkit/kafka.ts";
import { kafkaBrokers } from "../testkit/servers.ts";
import { ConsistentFixture } from "../testkit/consistent-fixture.ts";
import { TOPICS, type Topic } from "../../schemas/topics.ts";
import { audit } from "./audit.ts";

let system: ConsistentFixture;
beforeAll(async () => {
  system = await ConsistentFixture.open();
});
beforeEach(() => system.reset());
afterAll(() => system[Symbol.asyncDispose]());

const kafka = { brokers: kafkaBrokers(), clientId: "audit-test" };

/** Publishes the system's messages to fresh topics and returns the fresh name of each topic. */
async function publish(): Promise<ReadonlyMap<Topic, string>> {
  await using producer = await openProducer(kafka);
  const names = new Map<Topic, string>();
  const records: string[] = [];
  for (const [topic, messages] of system.topics) {
    const name = await freshTopic(2);
    names.set(topic, name);
    records.push(...messages.map((message) => [name, "", "", JSON.stringify(message)].join(FIELD_SEPARATOR)));
  }
  expect(await producer.produce(records.join(RECORD_SEPARATOR))).toEqual([]);
  return names;
}

async function findings(names: ReadonlyMap<Topic, string>) {
  const sources = {
    ...system.sources(),
    readTopic: (topic: Topic) => readTopic({ ...kafka, topic: names.get(topic) ?? "" }),
  };
  const report = await audit(sources, { settleMs: 5_000, idleWithinMs: 300 });
  return report.invariants.flatMap((one) =>
    one.findings.map((finding) => ({ invariant: one.name, ...finding })),
  );
}

test("outboxes and topics that hold the same messages agree", async () => {
  expect(await findings(await publish())).toEqual([]);
});

test("a lost message, a message of no outbox and a record that is no message are named", async () => {
  const { completed, refused } = system;
  system.topics.set(TOPICS.notifications, []);
  const foreign = { message_id: Bun.randomUUIDv7(), type: "CancelOrder", saga_id: refused.saga_id };
  system.topics.get(TOPICS.commands)?.push(foreign);
  const names = await publish();
  await sendBytes(names.get(TOPICS.deadLetters) ?? "", [{ value: Buffer.from([0xff, 0x00]) }]);

  const found = await findings(names);
  expect(found.map(({ invariant, saga_id }) => [invariant, saga_id])).toEqual([
    ["published-is-in-kafka", completed.saga_id],
    ["kafka-comes-from-an-outbox", refused.saga_id],
    ["kafka-comes-from-an-outbox", null],
  ]);
  expect(found[1]?.detail).toContain(foreign.message_id);
});
