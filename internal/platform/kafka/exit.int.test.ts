// A process may end at any moment: librdkafka's threads must not crash it or delay it.

import { expect, test } from "bun:test";

import { freshTopic } from "../../testkit/kafka.ts";
import { kafkaBrokers } from "../../testkit/servers.ts";

/** A waiting poll, batches in flight, uncommitted offsets, nothing closed. Ends with the code `how`. */
const program = (topic: string, how: string) => `
  import { openConsumer } from "./consumer.ts";
  import { openProducer } from "./producer.ts";
  const options = { brokers: ${JSON.stringify(kafkaBrokers())}, clientId: "exit" };
  const producer = await openProducer(options);
  const line = ["${topic}", "key", "Type", JSON.stringify("x".repeat(300))].join("\\x1f");
  const send = () => producer.produce(Array.from({ length: 500 }, () => line).join("\\x1e"));
  await send();
  const consumers = await Promise.all(["a", "b"].map((name) =>
    openConsumer({ ...options, groupId: "${topic}-" + name, topics: ["${topic}"], types: [] })));
  const batch = await consumers[0].poll({ maxMessages: 100, waitMs: 30_000, lingerMs: 10 });
  batch.done();
  batch.release();
  void consumers[1].poll({ maxMessages: 1e6, waitMs: 60_000, lingerMs: 60_000 });
  for (let i = 0; i < 10; i++) void send();
  ${how}
`;

const WAYS_TO_END: readonly (readonly [name: string, code: string, exitCode: number])[] = [
  ["process.exit", "process.exit(3);", 3],
  ["process.exit a moment later", "setTimeout(() => process.exit(3), 20);", 3],
  ["process.exit while offsets are committed", "setTimeout(() => process.exit(3), 251);", 3],
  ["an uncaught error", "throw new Error('uncaught');", 1],
];

test.each(WAYS_TO_END)("ends cleanly by %s", async (_, how, exitCode) => {
  const topic = await freshTopic();
  const child = Bun.spawn([process.execPath, "-e", program(topic, how)], {
    cwd: import.meta.dir,
    stdout: "pipe",
    stderr: "pipe",
  });
  const errors = await child.stderr.text();
  expect({ exitCode: await child.exited, signal: child.signalCode, errors }).toMatchObject({
    exitCode,
    signal: null,
  });
});
