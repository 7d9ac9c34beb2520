// Existing topics on a real broker: which settings are corrected and which are only reported.
import { expect, test } from "bun:test";
import { openAdmin } from "../platform/kafka/admin.ts";
import { errorOf, freshTopic, sendBytes } from "../testkit/kafka.ts";
import { kafkaBrokers } from "../testkit/servers.ts";
import { layOut, topicLayout } from "./topics.ts";

const options = { brokers: kafkaBrokers(), clientId: "test" };
const TWO_HOURS_MS = 2 * 60 * 60 * 1_000;
const ahead = () => [{ value: Buffer.from("{}"), timestamp: Date.now() + TWO_HOURS_MS }];

/** The layout of the first topic, under another name. */
function layoutOf(topic: string) {
  return topicLayout(1)
    .slice(0, 1)
    .map((layout) => ({ ...layout, topic }));
}

test("a producer with a clock two hours ahead can write, also to a topic that existed before", async () => {
  const [made, older] = [`test-${crypto.randomUUID()}`, await freshTopic(16)];
  await using admin = await openAdmin(options);
  await layOut(admin, layoutOf(made));
  await sendBytes(made, ahead());

  // With default settings the broker rejects a timestamp from the future.
  expect(await errorOf(sendBytes(older, ahead()))).toBeInstanceOf(Error);
  const { corrected } = await layOut(admin, layoutOf(older));
  expect(corrected).toContainEqual({
    topic: older,
    name: "message.timestamp.type",
    is: "CreateTime",
    shouldBe: "LogAppendTime",
  });
  await sendBytes(older, ahead());
  await admin.deleteTopics([made, older]);
});

test("each differing setting is reported; settings that the system needs are corrected", async () => {
  const topic = await freshTopic(5, { "retention.ms": "1000", "max.message.bytes": "500000" });
  await using admin = await openAdmin(options);
  const [layout] = layoutOf(topic);
  const first = await layOut(admin, layoutOf(topic));
  const retention = { topic, name: "retention.ms", is: "1000", shouldBe: layout?.config["retention.ms"] };
  expect(first.existing).toEqual([topic]);
  expect(first.differing).toEqual([
    { topic, name: "partitions", is: "5", shouldBe: "16" },
    expect.objectContaining(retention),
  ]);
  expect(first.corrected.map(({ name }) => name).toSorted()).toEqual([
    "max.message.bytes",
    "message.timestamp.type",
    "segment.ms",
  ]);
  const second = await layOut(admin, layoutOf(topic));
  expect(second).toEqual({ ...first, corrected: [] });
  await admin.deleteTopics([topic]);
});
