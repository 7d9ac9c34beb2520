// `topics read` on a real broker: a saga's messages, an offset, and what it refuses.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { partitionOf } from "../../internal/messaging/partition-of.ts";
import type { TopicPage } from "../../internal/operations/topic-page.ts";
import { Checkoutctl } from "../../internal/testkit/checkoutctl.ts";
import { cancelOrder } from "../../internal/testkit/commands.ts";
import { deadLetterOf } from "../../internal/testkit/dead-letters.ts";
import { deadLetterTopic, sendBytes } from "../../internal/testkit/kafka.ts";
import { kafkaBrokers } from "../../internal/testkit/servers.ts";
import { PARTITIONS_PER_TOPIC, TOPICS } from "../../schemas/topics.ts";

const env = { KAFKA_BROKERS: kafkaBrokers() };
const READ = ["topics", "read", TOPICS.deadLetters];

let tool: Checkoutctl;
beforeAll(async () => {
  [tool] = await Promise.all([Checkoutctl.open(), deadLetterTopic()]);
});
afterAll(() => tool[Symbol.asyncDispose]());

test("prints the messages of a saga, and the answer says how to go on", async () => {
  const saga = Bun.randomUUIDv7();
  const partition = partitionOf(saga, PARTITIONS_PER_TOPIC);
  const dead = [1, 2].map(() => deadLetterOf(cancelOrder(saga), { service: "order" }));
  await sendBytes(
    TOPICS.deadLetters,
    dead.map((record) => ({ value: Buffer.from(JSON.stringify(record)), key: saga, partition })),
  );
  const found = await tool.json<TopicPage>([...READ, "--saga", saga], env);
  expect(found.messages).toMatchObject(
    dead.map(({ dead_letter_id }) => ({
      partition,
      type: "HANDLER_FAILED",
      saga_id: saga,
      key: saga,
      value: { dead_letter_id, original: { value_base64: "(masked)" } },
    })),
  );
  const one = await tool.json<TopicPage>([...READ, "--saga", saga, "--limit", "1"], env);
  expect([one.messages.length, one.stopped]).toEqual([1, "full"]);
  const next = await tool.json<TopicPage>([...READ, "--saga", saga, "--from", one.newer ?? ""], env);
  expect(next.messages.map(({ offset }) => offset)).toEqual(
    found.messages.slice(1).map(({ offset }) => offset),
  );
  const { offset = -1 } = found.messages[0] ?? {};
  const { stdout } = await tool.run([...READ, "--partition", `${partition}`, "--offset", `${offset}`], env);
  expect(stdout).toMatch(new RegExp(`^${partition} +${offset} .* HANDLER_FAILED +${saga}$`, "m"));
  const recent = await tool.json<TopicPage>([...READ, "--at", "5m", "--limit", "1000"], env);
  expect(recent.messages.filter(({ saga_id }) => saga_id === saga)).toHaveLength(2);
});

test("refuses a search that cannot be, and says when Kafka does not answer", async () => {
  const [offset, topic, partition, away] = await Promise.all([
    tool.run([...READ, "--offset", "1"], env),
    tool.run(["topics", "read", "others"], env),
    tool.run([...READ, "--partition", "99"], env),
    tool.run(READ, { KAFKA_BROKERS: "127.0.0.1:9" }),
  ]);
  expect([offset.code, offset.stderr]).toEqual([2, "error: offset needs a partition\n"]);
  expect([topic.code, topic.stderr.includes("checkout-dlq")]).toEqual([2, true]);
  expect([partition.code, partition.stderr.includes("no partition 99")]).toEqual([3, true]);
  expect([away.code, away.stderr.includes("127.0.0.1:9")]).toEqual([4, true]);
});
