// The outcome of replayed mails, found from Kafka alone: the service has not read them, has read them, or has dead-lettered them
// again.
import { expect, test } from "bun:test";
import { openConsumer } from "./consumer.ts";
import { waitUntil } from "../../stack/wait.ts";
import { cancelOrder } from "../../testkit/commands.ts";
import { deadLetterOf } from "../../testkit/dead-letters.ts";
import { freshTopic, sendBytes } from "../../testkit/kafka.ts";
import { kafkaBrokers } from "../../testkit/servers.ts";
import { KafkaMailWatch } from "./mail-watch.ts";

const KAFKA = { brokers: kafkaBrokers(), clientId: "test" };

test("a mail is read once the service has passed its offset, and dead-lettered if a new dead letter for it appears", async () => {
  const [mails, deadLetters] = [await freshTopic(2), await freshTopic(2)];
  const groupId = `group-${crypto.randomUUID()}`;
  const [fine, failing] = [cancelOrder(Bun.randomUUIDv7()), cancelOrder(Bun.randomUUIDv7())];
  const [fineId, failingId] = [fine.message_id, failing.message_id];
  const bytes = (value: unknown) => Buffer.from(JSON.stringify(value));
  const deadLetter = (message: typeof fine) =>
    sendBytes(deadLetters, [
      { value: bytes(deadLetterOf(message, { service: "notification" })), partition: 1 },
    ]);
  // given the dead letters that are about to be replayed
  await deadLetter(fine);
  await deadLetter(failing);
  const watch = new KafkaMailWatch({ ...KAFKA, groupId, mails, deadLetters });
  await watch.begin([]);
  // when they are in Kafka again, and the service does not read
  await sendBytes(mails, [{ value: bytes(fine) }, { value: bytes(failing) }]);
  expect(await watch.fates([fineId, failingId])).toEqual(new Map());
  // when the service dead-letters one, and has read both
  await using consumer = await openConsumer({ ...KAFKA, groupId, topics: [mails], types: [] });
  const batch = await consumer.poll({ maxMessages: 10, waitMs: 30_000, lingerMs: 500 });
  expect(batch?.values).toHaveLength(2);
  await deadLetter(failing);
  batch?.done();
  batch?.release();
  // then, as soon as the offsets are committed
  let fates = new Map<string, string>();
  await waitUntil(
    "both have a fate",
    async () => (fates = new Map(await watch.fates([fineId, failingId]))).size === 2,
    { timeoutMs: 30_000 },
  );
  expect(Object.fromEntries(fates)).toEqual({ [fineId]: "read", [failingId]: "dead-lettered" });
});

test("a mail that is replayed a second time has no fate before it is read a second time", async () => {
  const [mails, deadLetters] = [await freshTopic(1), await freshTopic(1)];
  const groupId = `group-${crypto.randomUUID()}`;
  const mail = cancelOrder(Bun.randomUUIDv7());
  const send = () => sendBytes(mails, [{ value: Buffer.from(JSON.stringify(mail)) }]);
  const watch = new KafkaMailWatch({ ...KAFKA, groupId, mails, deadLetters });
  await watch.begin([]);
  await send();
  expect(await watch.fates([mail.message_id])).toEqual(new Map());
  {
    await using consumer = await openConsumer({ ...KAFKA, groupId, topics: [mails], types: [] });
    const batch = await consumer.poll({ maxMessages: 10, waitMs: 30_000, lingerMs: 500 });
    batch?.done();
    batch?.release();
    await waitUntil("it is read", async () => (await watch.fates([mail.message_id])).size === 1, {
      timeoutMs: 30_000,
    });
  }
  await watch.begin([]);
  await send();
  expect(await watch.fates([mail.message_id])).toEqual(new Map());
});

test("a mail that an executor had put back before it died counts as dead-lettered if that happened meanwhile, also without a readable copy", async () => {
  const [mails, deadLetters] = [await freshTopic(1), await freshTopic(2)];
  const groupId = `group-${crypto.randomUUID()}`;
  const [fine, failing] = [cancelOrder(Bun.randomUUIDv7()), cancelOrder(Bun.randomUUIDv7())];
  const put = async (message: typeof fine) => {
    const record = { ...deadLetterOf(message, { service: "notification" }), original_command: null };
    await sendBytes(deadLetters, [{ value: Buffer.from(JSON.stringify(record)), partition: 1 }]);
    return record.dead_letter_id;
  };
  // given the dead letters that are replayed, and a second one that the dead executor has not seen
  const [first, second] = [await put(fine), await put(failing)];
  await put(failing);
  const since = Date.now();
  const watch = new KafkaMailWatch({ ...KAFKA, groupId, mails, deadLetters });
  await watch.begin([
    { message_id: fine.message_id, dead_letter_id: first, since },
    { message_id: failing.message_id, dead_letter_id: second, since },
  ]);
  await sendBytes(mails, [{ value: Buffer.from(JSON.stringify(fine)) }]);
  const ids = [fine.message_id, failing.message_id];
  expect(await watch.fates(ids)).toEqual(new Map([[failing.message_id, "dead-lettered"]]));
  // and a new one of the other mail counts as before
  await put(fine);
  expect([...(await watch.fates(ids)).keys()].toSorted()).toEqual(ids.toSorted());
});
