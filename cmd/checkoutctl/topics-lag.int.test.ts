// `topics lag` on a real broker: messages that nobody reads, and what it refuses.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { layOut, topicLayout } from "../../internal/operations/topics.ts";
import { openAdmin } from "../../internal/platform/kafka/admin.ts";
import { Checkoutctl } from "../../internal/testkit/checkoutctl.ts";
import { sendBytes } from "../../internal/testkit/kafka.ts";
import { kafkaBrokers } from "../../internal/testkit/servers.ts";
import { PARTITIONS_PER_TOPIC, TOPICS } from "../../schemas/topics.ts";

const TOPIC = TOPICS.notifications;
const env = { KAFKA_BROKERS: kafkaBrokers() };
const LAG = ["topics", "lag", TOPIC, "--seconds", "1"];

interface Report {
  readonly groups: readonly object[];
  readonly lines: readonly { readonly partition: number; readonly lag: number; readonly stuck: boolean }[];
}

let tool: Checkoutctl;
beforeAll(async () => {
  tool = await Checkoutctl.open();
  await using admin = await openAdmin({ brokers: kafkaBrokers(), clientId: "test" });
  await layOut(admin, topicLayout(1));
});
afterAll(() => tool[Symbol.asyncDispose]());

test("messages that nobody reads are stuck, and the reader is nobody", async () => {
  await sendBytes(TOPIC, [{ partition: 3, value: Buffer.from("{}") }]);
  const { groups, lines } = await tool.json<Report>(LAG, env);
  expect(groups).toMatchObject([{ topic: TOPIC, group: "notification", unknown: null }]);
  expect(lines).toHaveLength(PARTITIONS_PER_TOPIC);
  const line = lines.find(({ partition }) => partition === 3);
  expect(line).toMatchObject({ group: "notification", committed: null, stuck: true, member: null });
  const { stdout } = await tool.run(LAG, env);
  expect(stdout).toMatch(
    /^notification +notification-commands +3 +nothing +\d+ +\d+ +nobody \(\w+\) +- +STUCK for 1 s or longer$/m,
  );
});

test("refuses a topic that no group reads, and says when Kafka does not answer", async () => {
  const [dead, away] = await Promise.all([
    tool.run(["topics", "lag", TOPICS.deadLetters], env),
    tool.run(LAG, { KAFKA_BROKERS: "127.0.0.1:9" }),
  ]);
  expect([dead.code, dead.stderr.includes(TOPICS.commands)]).toEqual([2, true]);
  expect(away.code).toBe(4);
});
