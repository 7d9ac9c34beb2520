// Against a real broker. The refusals of a fresh one are met at every start of a stack on empty data.

import { expect, test } from "bun:test";

import { errorOf, freshTopic } from "../../testkit/kafka.ts";
import { kafkaBrokers } from "../../testkit/servers.ts";
import { untilCoordinated } from "./coordinator.ts";

const group = () => `group-${crypto.randomUUID()}`;

test("a group that nobody ever joined gets its coordinator", async () => {
  const options = { brokers: kafkaBrokers(), clientId: "test" };
  await untilCoordinated(options, group(), await freshTopic());
});

test("without a broker it is told in time", async () => {
  const options = { brokers: "127.0.0.1:9", clientId: "test", connectTimeoutMs: 500 };
  expect(await errorOf(untilCoordinated(options, group(), "any"))).toMatchObject({
    code: "KAFKA_UNAVAILABLE",
  });
});
