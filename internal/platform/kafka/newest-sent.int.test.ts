// The newest messages of each partition on a real broker, with undecodable ones after them.
import { expect, test } from "bun:test";
import { cancelOrder } from "../../testkit/commands.ts";
import { freshTopic, sendBytes } from "../../testkit/kafka.ts";
import { kafkaBrokers } from "../../testkit/servers.ts";
import { newestSent } from "./newest-sent.ts";

test("returns the last decodable messages of each partition: later ones do not hide a message that the database lacks", async () => {
  const topic = await freshTopic(3);
  const [old, first, second, other] = [0, 1, 2, 3].map(() => cancelOrder(Bun.randomUUIDv7()));
  const bytes = (value: unknown) => Buffer.from(JSON.stringify(value));
  await sendBytes(topic, [
    { value: bytes(old), partition: 0 },
    // Further back than what is read.
    ...Array.from({ length: 97 }, () => ({ value: Buffer.from([0xff]), partition: 0 })),
    { value: bytes(first), partition: 0 },
    { value: bytes(second), partition: 0 },
    { value: Buffer.from([0xff]), partition: 0 },
    { value: bytes({ type: "Nonsense" }), partition: 0 },
    { value: bytes(other), partition: 2 },
  ]);
  const found = await newestSent({ brokers: kafkaBrokers(), clientId: "test" }, [topic]);
  const wanted = [first, second, other].map((message) => message?.message_id ?? "");
  expect(new Set(found)).toEqual(new Set(wanted));
});
