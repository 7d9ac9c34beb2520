import { expect, test } from "bun:test";
import { TOPICS } from "../../schemas/topics.ts";
import { createTopics, topicLayout } from "./topics.ts";

test("with one broker there is one replica, and one is enough to write", () => {
  for (const { replicationFactor, config } of topicLayout(1)) {
    expect(replicationFactor).toBe(1);
    expect(config["min.insync.replicas"]).toBe("1");
  }
});

test("with three or more brokers there are three replicas, and a write needs two", () => {
  for (const { replicationFactor, config } of topicLayout(5)) {
    expect(replicationFactor).toBe(3);
    expect(config["min.insync.replicas"]).toBe("2");
  }
});

test("dead letters are kept longer and may be larger", () => {
  const byName = new Map(topicLayout(3).map(({ topic, config }) => [topic, config]));
  const commands = byName.get("checkout-commands");
  const deadLetters = byName.get("checkout-dlq");
  expect(Number(deadLetters?.["retention.ms"])).toBeGreaterThan(Number(commands?.["retention.ms"]));
  expect(Number(deadLetters?.["max.message.bytes"])).toBeGreaterThan(1_048_588);
});

test("creating topics waits for the coordinator of every consumer group", async () => {
  const coordinated: string[] = [];
  const admin = {
    describeCluster: async () => ({ brokers: [1] }),
    createTopics: async () => ({ created: [], existing: [] }),
    describeTopics: async () =>
      Object.values(TOPICS).map((topic) => ({ topic, partitions: [{ leader: 1, replicas: [1] }] })),
    topicSettings: async () => new Map<string, Record<string, string>>(),
    changeSettings: async () => {},
  };
  await createTopics(admin, async (group) => {
    await Bun.sleep(1);
    coordinated.push(group);
  });
  expect(coordinated.toSorted()).toEqual(["inventory", "notification", "orchestrator", "order", "payment"]);
});
