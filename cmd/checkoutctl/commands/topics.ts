// `checkoutctl topics`: creates, checks, lists and reads the Kafka topics, and shows who is behind.
import { createTopics, type TopicsLaidOut } from "../../../internal/operations/topics.ts";
import { untilCoordinated } from "../../../internal/platform/kafka/coordinator.ts";
import { TOPICS } from "../../../schemas/topics.ts";
import { command, group, print, table } from "../command.ts";
import { Connections } from "../connections.ts";
import { EXIT } from "../exit.ts";
import { loadSettings } from "../settings.ts";
import { topicsLag } from "./topics-lag.ts";
import { topicsRead } from "./topics-read.ts";

const create = command("create", "create missing topics, and check the settings of the existing ones").action(
  async (options) => {
    await using connections = new Connections(loadSettings(options.stack));
    const result = await createTopics(await connections.admin(), (groupId) =>
      untilCoordinated(connections.kafka(), groupId, TOPICS.commands),
    );
    print(options, result, () => tableOf(result));
    if (result.differing.length > 0) process.exitCode = EXIT.refused;
  },
);

function tableOf({ created, existing, corrected, differing }: TopicsLaidOut): string {
  const differences = [
    ...corrected.map((one) => ({ ...one, prefix: "set" })),
    ...differing.map((one) => ({ ...one, prefix: "DIFFERS" })),
  ];
  const stateOf = (topic: string) =>
    differences
      .filter((one) => one.topic === topic)
      .map(({ prefix, name, is, shouldBe }) =>
        prefix === "set"
          ? `set ${name} to ${shouldBe} (was ${is})`
          : `DIFFERS: ${name} is ${is}, should be ${shouldBe}`,
      )
      .join("\n");
  return table(
    ["TOPIC", "STATE"],
    [
      ...created.map((topic) => [topic, "created"]),
      ...existing.map((topic) => [topic, stateOf(topic) || "unchanged"]),
    ],
  );
}

const ls = command("ls", "list the topics with their partitions and copies").action(async (options) => {
  await using connections = new Connections(loadSettings(options.stack));
  const admin = await connections.admin();
  const topics = (await admin.describeTopics(Object.values(TOPICS))).map(({ topic, partitions }) => ({
    topic,
    partitions: partitions.length,
    copies: Math.max(...partitions.map(({ replicas }) => replicas.length)),
    under_replicated: partitions.filter(({ replicas, inSync }) => inSync.length < replicas.length).length,
    leaderless: partitions.filter(({ leader }) => leader === -1).length,
  }));
  print(options, topics, () =>
    table(
      ["TOPIC", "PARTITIONS", "COPIES", "UNDER-REPLICATED", "LEADERLESS"],
      topics.map((one) => Object.values(one)),
    ),
  );
});

export const topicsCommand = group("topics", "Kafka topics")
  .addCommand(create)
  .addCommand(ls)
  .addCommand(topicsLag)
  .addCommand(topicsRead);
