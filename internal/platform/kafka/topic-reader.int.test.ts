// Pages of a topic on a real broker: by saga, time and offset, in an empty topic, in one whose first messages are deleted, and without Kafka.
import { expect, test } from "bun:test";
import { FIELD_SEPARATOR, RECORD_SEPARATOR } from "../../kernel/ports.ts";
import { partitionOf } from "../../messaging/partition-of.ts";
import { TopicBrowser } from "../../operations/topic-browser.ts";
import type { TopicPage } from "../../operations/topic-page.ts";
import { parseTopicRequest } from "../../operations/topic-request.ts";
import { errorOf, freshTopic, sendBytes } from "../../testkit/kafka.ts";
import { kafkaBrokers } from "../../testkit/servers.ts";
import { kafka } from "./addon.ts";
import { callsOf } from "./connection.ts";
import { connect } from "./consumer.ts";
import { openProducer } from "./producer.ts";
import { TopicReader } from "./topic-reader.ts";
import { TopicStates } from "./topic-states.ts";

const options = { brokers: kafkaBrokers(), clientId: "test", connectTimeoutMs: 10_000 };
/** Reading is not hurried on a busy machine. */
const PATIENT = { timeoutMs: 30_000 };

function browserOf(more: { readonly mostLooked?: number } = {}): TopicBrowser {
  return new TopicBrowser({ open: (topic) => TopicReader.open(options, topic), ...PATIENT, ...more });
}

async function pageOf(
  topic: string,
  query = "",
  messages = 100,
  browser: TopicBrowser = browserOf(),
): Promise<TopicPage> {
  const read = parseTopicRequest(new URLSearchParams(query));
  if ("faults" in read) throw new Error(read.faults.join("; "));
  return browser.page(topic, read.request, messages);
}

const places = ({ messages }: TopicPage) => messages.map(({ partition, offset }) => `${partition}:${offset}`);
const numbers = ({ messages }: TopicPage) =>
  messages.map(({ value }) => (typeof value === "object" && value !== null ? Reflect.get(value, "n") : null));

/** As the relay writes them: keyed by their saga. */
async function produce(topic: string, messages: readonly { readonly saga_id: string; readonly n: number }[]) {
  await using producer = await openProducer(options);
  const records = messages.map((one) =>
    [topic, one.saga_id, "Test", JSON.stringify({ ...one, type: "Test", email: "a@b.example" })].join(
      FIELD_SEPARATOR,
    ),
  );
  expect(await producer.produce(records.join(RECORD_SEPARATOR))).toEqual([]);
}

/** As when they expire, which Kafka looks after every few minutes only. */
async function deleteBefore(topic: string, offset: number): Promise<void> {
  const client = kafka().AdminClient.create({ "bootstrap.servers": options.brokers }, {});
  await callsOf(null).ask<unknown>(`cannot delete the first messages of ${topic}`, (done) =>
    client.deleteRecords([{ topic, partition: 0, offset }], { timeout: 30_000 }, done),
  );
  client.disconnect();
}

/** Ids whose times are `seconds` apart, so that they are in many partitions. */
const idsFrom = (at: number, count: number, seconds = 1) =>
  Array.from({ length: count }, (_, index) => Bun.randomUUIDv7("hex", at + index * seconds * 1_000));

test("the messages of a saga are found in the partition that the producer chose, and only those", async () => {
  const topic = await freshTopic(16);
  const ids = idsFrom(Date.now() - 30_000, 60);
  await produce(
    topic,
    [...ids, ...ids].map((saga_id, n) => ({ saga_id, n })),
  );
  const browser = browserOf();
  for (const [n, id] of ids.entries()) {
    if (n % 12 !== 0) continue;
    const page = await pageOf(topic, `saga=${id}`, 100, browser);
    expect(numbers(page)).toEqual([n, n + 60]);
    expect(page.read.map(({ partition }) => partition)).toEqual([partitionOf(id, 16)]);
    expect(page).toMatchObject({ order: "oldest first", stopped: "end", newer: null });
    expect(page.messages[0]).toMatchObject({
      type: "Test",
      saga_id: id,
      key: id,
      value: { email: "(masked)" },
    });
    expect(numbers(await pageOf(topic, `saga=${id}&to=end`, 100, browser))).toEqual([n + 60, n]);
  }
  const [stranger = ""] = idsFrom(Date.now() - 30_000, 1);
  expect(await pageOf(topic, `saga=${stranger}`)).toMatchObject({
    messages: [],
    stopped: "end",
    newer: null,
  });
});

test("a saga among many is looked for in bounded pages, forwards and back", async () => {
  const topic = await freshTopic(1);
  const born = Date.now() - 1_000;
  const [id = ""] = idsFrom(born, 1);
  const [other = ""] = idsFrom(born, 1);
  const others = Array.from({ length: 12_000 }, (_, n) => ({ saga_id: other, n }));
  await produce(topic, [...others.slice(0, 11_000), { saga_id: id, n: -1 }, ...others.slice(11_000)]);
  const browser = browserOf({ mostLooked: 10_000 });
  const first = await pageOf(topic, `saga=${id}`, 100, browser);
  expect(first).toMatchObject({ messages: [], stopped: "messages", newer: "0:10000" });
  expect(places(await pageOf(topic, `saga=${id}&from=${first.newer}`, 100, browser))).toEqual(["0:11000"]);
  const back = await pageOf(topic, `saga=${id}&to=end`, 100, browser);
  expect([places(back), back.stopped, back.older]).toEqual([["0:11000"], "messages", "0:2001"]);
});

test("from a time on, over all partitions, with what is newer and older", async () => {
  const topic = await freshTopic(3, { "message.timestamp.type": "CreateTime" });
  const start = Date.now() - 60_000;
  const sent = Array.from({ length: 30 }, (_, n) => ({
    value: Buffer.from(JSON.stringify({ n })),
    partition: n % 3,
    timestamp: start + n * 1_000,
  }));
  await sendBytes(topic, sent);
  const page = await pageOf(topic, `at=${new Date(start + 12_000).toISOString()}`, 5);
  expect(numbers(page)).toEqual([12, 13, 14, 15, 16]);
  expect(page.stopped).toBe("full");
  expect(numbers(await pageOf(topic, `from=${page.newer}`, 5))).toEqual([17, 18, 19, 20, 21]);
  expect(numbers(await pageOf(topic, `to=${page.older}`, 5))).toEqual([11, 10, 9, 8, 7]);
  const late = await pageOf(topic, `at=${new Date(start + 600_000).toISOString()}`);
  expect(late).toMatchObject({ messages: [], stopped: "end", newer: null });
  expect(numbers(await pageOf(topic, "", 4))).toEqual([29, 28, 27, 26]);
});

test("from an offset on, also past the end, and messages that are not JSON", async () => {
  const topic = await freshTopic(2);
  const values = ["{", "1", JSON.stringify({ n: 2 })];
  await sendBytes(
    topic,
    [...values.map((text) => Buffer.from(text)), null].map((value) => ({ value, partition: 1 })),
  );
  const page = await pageOf(topic, "partition=1&offset=0");
  expect(page.messages.map(({ offset, type }) => [offset, type])).toEqual([
    [0, "not JSON"],
    [1, "message"],
    [2, "message"],
    [3, "not JSON"],
  ]);
  const past = await pageOf(topic, "partition=1&offset=70");
  expect(past).toMatchObject({ messages: [], stopped: "end", newer: null, older: "1:4" });
  expect(places(await pageOf(topic, `partition=1&to=${past.older}`, 2))).toEqual(["1:3", "1:2"]);
  const refused = await errorOf(pageOf(topic, "partition=2&offset=0"));
  expect(refused).toMatchObject({ code: "MESSAGE_INVALID" });
});

test("an empty topic, and one that is not there", async () => {
  const topic = await freshTopic(4);
  for (const query of ["", "partition=2&offset=0", "at=2026-01-01T00:00:00Z", `saga=${Bun.randomUUIDv7()}`])
    expect([query, await pageOf(topic, query)]).toMatchObject([query, { messages: [], stopped: "end" }]);
  expect(await errorOf(pageOf(`missing-${topic}`))).toMatchObject({ code: "KAFKA_TOPIC_MISSING" });
});

test("a topic that begins later, because its first messages were deleted", async () => {
  const topic = await freshTopic(1);
  const born = Date.now();
  await sendBytes(
    topic,
    Array.from({ length: 40 }, (_, n) => ({ value: Buffer.from(JSON.stringify({ n })) })),
  );
  await deleteBefore(topic, 30);
  const [saga = ""] = idsFrom(born, 1);
  for (const query of ["partition=0&offset=0", `at=${new Date(born - 600_000).toISOString()}`]) {
    const page = await pageOf(topic, query, 5);
    expect([query, places(page)]).toEqual([query, [30, 31, 32, 33, 34].map((offset) => `0:${offset}`)]);
    expect(page).toMatchObject({ stopped: "full", older_deleted: true, older: null, newer: "0:35" });
  }
  expect(await pageOf(topic, `saga=${saga}`)).toMatchObject({ messages: [], older_deleted: true });
  // An address from before, by somebody who went on.
  expect(places(await pageOf(topic, "from=0:10", 2))).toEqual(["0:30", "0:31"]);
  expect(await pageOf(topic, "to=0:10")).toMatchObject({ messages: [], stopped: "end", older_deleted: true });
  await using states = new TopicStates(options, [topic], { payment: [topic] });
  // Whose group has committed nothing reads what is left.
  expect(await states.readingOf(topic)).toMatchObject({
    partitions: [
      { partition: 0, first: 30, end: 40, groups: [{ group: "payment", committed: null, lag: 10 }] },
    ],
  });
});

test("the committed offset of a group is its lag, by partition", async () => {
  const topic = await freshTopic(2);
  await sendBytes(
    topic,
    [1, 2, 3].map((n) => ({ value: Buffer.from(String(n)), partition: 1 })),
  );
  const group = `group-${crypto.randomUUID()}`;
  await using states = new TopicStates(options, [topic], { [group]: [topic], other: [] });
  const { client } = await connect(options, { "group.id": group });
  client.commitSync({ topic, partition: 1, offset: 2 });
  await new Promise((resolve) => client.disconnect(resolve));
  const idle = { group, committed: null, lag: 0, unmoved_since: null, member: null };
  const behind = { group, committed: 2, lag: 1, unmoved_since: expect.any(Number), member: null };
  const { partitions, groups } = await states.readingOf(topic);
  expect(partitions).toEqual([
    { partition: 0, first: 0, end: 0, groups: [idle] },
    { partition: 1, first: 0, end: 3, groups: [behind] },
  ]);
  expect(groups).toEqual([{ group, state: "Empty", unknown: null }]);
});

test("without Kafka it says so in time", async () => {
  const away = { brokers: "127.0.0.1:9", clientId: "test", connectTimeoutMs: 500 };
  const browser = new TopicBrowser({ open: (topic) => TopicReader.open(away, topic), atMost: 1 });
  for (const time of [1, 2])
    expect([time, await errorOf(pageOf("checkout-commands", "", 10, browser))]).toMatchObject([
      time,
      { code: "KAFKA_UNAVAILABLE" },
    ]);
});
