import { expect, test } from "bun:test";
import { openAdmin } from "../../platform/kafka/admin.ts";
import { kafkaBrokers } from "../../testkit/servers.ts";
import { waitUntil } from "../wait.ts";
import { warmUpKafka } from "./kafka-warm-up.ts";

/** Longer than a busy machine takes; bun:test itself waits for a minute. */
const PATIENCE_MS = 30_000;

async function topics(): Promise<readonly string[]> {
  await using admin = await openAdmin({ brokers: kafkaBrokers(), clientId: "test" });
  return (await admin.describeTopics()).map(({ topic }) => topic);
}

test("messages go through the brokers, and no topic is left behind", async () => {
  const done = await warmUpKafka(kafkaBrokers(), new AbortController().signal, PATIENCE_MS);
  expect(done).toEqual({ produced: 250, consumed: 250 });
  // A broker hears of a deletion a moment after its controller has said it is done.
  await waitUntil("the topic is gone", async () => !(await topics()).includes("warm-up"), {
    timeoutMs: PATIENCE_MS,
  });
});

test("a stack that is told to stop does not wait for it", async () => {
  expect(await warmUpKafka(kafkaBrokers(), AbortSignal.abort())).toEqual({ produced: 0, consumed: 0 });
});
