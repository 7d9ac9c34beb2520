// Topics of their own for `.int` tests, and messages byte for byte: our own producer only takes text. Bytes go through
// the package's plain producer.

import type { Producer } from "@confluentinc/kafka-javascript";

import { TOPICS } from "../../schemas/topics.ts";
import { topicLayout } from "../operations/topics.ts";
import { kafka } from "../platform/kafka/addon.ts";
import { openAdmin } from "../platform/kafka/admin.ts";
import { kafkaBrokers } from "./servers.ts";

/** A new topic that no other test knows, so nothing needs to be cleaned up before or after. */
export async function freshTopic(
  partitions = 1,
  config: Readonly<Record<string, string>> = {},
): Promise<string> {
  const topic = `test-${crypto.randomUUID()}`;
  await using admin = await openAdmin({ brokers: kafkaBrokers(), clientId: "test" });
  await admin.createTopics([{ topic, partitions, replicationFactor: 1, config }]);
  return topic;
}

/** The dead-letter topic, as `checkoutctl topics create` makes it: tests that use it share one. */
export async function deadLetterTopic(): Promise<void> {
  await using admin = await openAdmin({ brokers: kafkaBrokers(), clientId: "test" });
  await admin.createTopics(topicLayout(1).filter(({ topic }) => topic === TOPICS.deadLetters));
}

/**
 * What a promise was rejected with. Bun's `expect(promise).rejects` blocks in a nested event loop, in which an answer of
 * Kafka cannot arrive when the test is itself running in the wake of one: it would hang.
 */
export function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => {
      throw new Error(`expected a rejection, got ${JSON.stringify(value)}`);
    },
    (error: unknown) => error,
  );
}

export interface Bytes {
  readonly value: Buffer | null;
  /** 0 where it is left out. */
  readonly partition?: number;
  readonly key?: string;
  /** Epoch ms; the producer's time where it is left out. */
  readonly timestamp?: number;
  readonly headers?: readonly (readonly [name: string, value: Buffer])[];
}

/** Resolves when all are in the log, those of one partition in this order. */
export async function sendBytes(
  topic: string,
  messages: readonly Bytes[],
  brokers: string = kafkaBrokers(),
): Promise<void> {
  kafka(); // the package's files can be required once the addon is in its place
  const PackageProducer: typeof Producer = require("@confluentinc/kafka-javascript/lib/producer.js");
  const settings = { "bootstrap.servers": brokers, dr_cb: true, "enable.idempotence": true };
  const producer = new PackageProducer(settings);
  await new Promise<void>((resolve, reject) => {
    producer.connect({ allTopics: false, timeout: 10_000 }, (error) => (error ? reject(error) : resolve()));
  });
  let left = messages.length;
  const delivered = new Promise<void>((resolve, reject) => {
    producer.on("delivery-report", (error) => {
      if (error) reject(error);
      else if (--left === 0) resolve();
    });
  });
  producer.setPollInterval(10);
  for (const { value, partition = 0, key, timestamp, headers = [] } of messages) {
    const list = headers.map(([name, bytes]) => ({ [name]: bytes }));
    producer.produce(topic, partition, value, key ?? null, timestamp ?? null, undefined, list);
  }
  await delivered;
  await new Promise((resolve) => producer.disconnect(resolve));
}
