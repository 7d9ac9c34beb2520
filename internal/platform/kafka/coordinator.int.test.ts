// Against a real broker. Every start of a stack on empty data covers the refusals of a new broker.

import { expect, test } from "bun:test";

import { errorOf, freshTopic } from "../../testkit/kafka.ts";
import { kafkaBrokers } from "../../testkit/servers.ts";
import { untilCoordinated } from "./coordinator.ts";

const group = () => `group-${crypto.randomUUID()}`;

test("a group without any member gets its coordinator", async () => {
  const options = { brokers: kafkaBrokers(), clientId: "test" };
  await untilCoordinated(options, group(), await freshTopic());
});

test("without a broker it fails in time", async () => {
  const options = { brokers: "127.0.0.1:9", clientId: "test", connectTimeoutMs: 500 };
  expect(await errorOf(untilCoordinated(options, group(), "any"))).toMatchObject({
    code: "KAFKA_UNAVAILABLE",
  });
});
