// Creates a new topic per `.int` test, and sends raw bytes with the package's plain producer: our own producer only takes text.

import type { Producer } from "@confluentinc/kafka-javascript";

import { TOPICS } from "../../schemas/topics.ts";
import { topicLayout } from "../operations/topics.ts";
import { kafka } from "../platform/kafka/addon.ts";
import { openAdmin } from "../platform/kafka/admin.ts";
import type { KafkaOptions } from "../platform/kafka/connection.ts";
import { kafkaBrokers } from "./servers.ts";

/** A new topic with a unique name, so tests need no cleanup. */
export async function freshTopic(
  partitions = 1,
  config: Readonly<Record<string, string>> = {},
): Promise<string> {
  const topic = `test-${crypto.randomUUID()}`;
  await using admin = await openAdmin({ brokers: kafkaBrokers(), clientId: "test" });
  await admin.createTopics([{ topic, partitions, replicationFactor: 1, config }]);
  return topic;
}

/** Creates the dead-letter topic as `checkoutctl topics create` does. All tests share it. */
export async function deadLetterTopic(): Promise<void> {
  await using admin = await openAdmin({ brokers: kafkaBrokers(), clientId: "test" });
  await admin.createTopics(topicLayout(1).filter(({ topic }) => topic === TOPICS.deadLetters));
}

/**
 * The error that a promise was rejected with. Bun's `expect(promise).rejects` blocks in a nested event loop. If the test itself runs
 * in a Kafka callback, no further Kafka callback can arrive there, and the test would hang.
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
  /** Default: 0. */
  readonly partition?: number;
  readonly key?: string;
  /** Epoch ms. Default: the producer's time. */
  readonly timestamp?: number;
  readonly headers?: readonly (readonly [name: string, value: Buffer])[];
}

/** Resolves when all messages are in the log; messages of one partition keep this order. */
export async function sendBytes(
  topic: string,
  messages: readonly Bytes[],
  { brokers, security }: Pick<KafkaOptions, "brokers" | "security"> = { brokers: kafkaBrokers() },
): Promise<void> {
  kafka(); // installs the addon; the package's files cannot be required before
  const PackageProducer: typeof Producer = require("@confluentinc/kafka-javascript/lib/producer.js");
  const settings = {
    "bootstrap.servers": brokers,
    dr_cb: true,
    "enable.idempotence": true,
    ...security?.settings,
  };
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
