import { expect, test } from "bun:test";
import { openAdmin } from "../../platform/kafka/admin.ts";
import { kafkaBrokers } from "../../testkit/servers.ts";
import { waitUntil } from "../wait.ts";
import { warmUpKafka } from "./kafka-warm-up.ts";

/** Longer than a busy machine needs; bun:test itself waits for a minute. */
const PATIENCE_MS = 30_000;

async function topics(): Promise<readonly string[]> {
  await using admin = await openAdmin({ brokers: kafkaBrokers(), clientId: "test" });
  return (await admin.describeTopics()).map(({ topic }) => topic);
}

test("the warm-up sends and reads messages, and leaves no topic behind", async () => {
  const done = await warmUpKafka({ brokers: kafkaBrokers() }, new AbortController().signal, PATIENCE_MS);
  expect(done).toEqual({ produced: 250, consumed: 250 });
  // A broker learns of a deletion a moment after the controller has confirmed it.
  await waitUntil("the topic is gone", async () => !(await topics()).includes("warm-up"), {
    timeoutMs: PATIENCE_MS,
  });
});

test("a stopping stack does not wait for the warm-up", async () => {
  expect(await warmUpKafka({ brokers: kafkaBrokers() }, AbortSignal.abort())).toEqual({
    produced: 0,
    consumed: 0,
  });
});
