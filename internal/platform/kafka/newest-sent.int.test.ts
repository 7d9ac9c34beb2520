// The newest message of each partition on a real broker, with undecodable messages after it.
import { expect, test } from "bun:test";
import { cancelOrder } from "../../testkit/commands.ts";
import { freshTopic, sendBytes } from "../../testkit/kafka.ts";
import { kafkaBrokers } from "../../testkit/servers.ts";
import { newestSent } from "./newest-sent.ts";

test("returns the last decodable message of each partition that has one", async () => {
  const topic = await freshTopic(3);
  const [first, second, other] = [0, 1, 2].map(() => cancelOrder(Bun.randomUUIDv7()));
  const bytes = (value: unknown) => Buffer.from(JSON.stringify(value));
  await sendBytes(topic, [
    { value: bytes(first), partition: 0 },
    { value: bytes(second), partition: 0 },
    { value: Buffer.from([0xff]), partition: 0 },
    { value: bytes({ type: "Nonsense" }), partition: 0 },
    { value: bytes(other), partition: 2 },
  ]);
  const found = await newestSent({ brokers: kafkaBrokers(), clientId: "test" }, [topic]);
  expect(new Set(found)).toEqual(new Set([second?.message_id ?? "", other?.message_id ?? ""]));
});
