// The dead letters that are open, on a real topic and a real saga database.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { DEAD_LETTER_RETENTION_MS } from "../../schemas/topics.ts";
import { FIELD_SEPARATOR, RECORD_SEPARATOR } from "../kernel/ports.ts";
import { openProducer } from "../platform/kafka/producer.ts";
import { readTopic } from "../platform/kafka/read-topic.ts";
import { chargePayment } from "../testkit/commands.ts";
import { cloneDatabase, type TestDatabase } from "../testkit/database.ts";
import { deadLetterOf } from "../testkit/dead-letters.ts";
import { freshTopic } from "../testkit/kafka.ts";
import { kafkaBrokers } from "../testkit/servers.ts";
import { handledOf } from "./dead-letter-store.ts";
import { OpenDeadLetters } from "./open-dead-letters.ts";

const KAFKA = { brokers: kafkaBrokers(), clientId: "test" };

let database: TestDatabase;
beforeAll(async () => {
  database = await cloneDatabase("saga");
});
afterAll(() => database[Symbol.asyncDispose]());

const letter = (service: string) => deadLetterOf(chargePayment(Bun.randomUUIDv7()), { service });

async function send(topic: string, values: readonly string[]): Promise<void> {
  await using producer = await openProducer(KAFKA);
  const records = values.map((value) => [topic, "", "", value].join(FIELD_SEPARATOR));
  expect(await producer.produce(records.join(RECORD_SEPARATOR))).toEqual([]);
}

test("a dead letter counts until an operator has handled it or Kafka drops it, and each is read once", async () => {
  // given
  const topic = await freshTopic(2);
  const [one, two, other] = [letter("payment"), letter("payment"), letter("order")];
  const shown = new Map<string | undefined, number>();
  const ages = new Map<string | undefined, number>();
  let now = Date.now();
  let read = 0;
  const watch = new OpenDeadLetters({
    async *read(from) {
      for await (const batch of readTopic({ ...KAFKA, topic, from })) {
        read += batch.values.length + batch.undecodable.length;
        yield batch;
      }
    },
    handled: (ids) => handledOf(database.postgres.sql, ids),
    clock: { now: () => now },
    meter: {
      gauge: (name) => {
        const values = name === "dead_letters_open" ? shown : ages;
        return { set: ({ service }, value) => void values.set(service, value) };
      },
    },
  });
  await watch.runOnce();
  expect(shown.size).toBe(0);
  // when: one is sent twice, as a relay may
  await send(
    topic,
    [one, one, two].map((each) => JSON.stringify(each)).concat('{"no":"dead letter"}', "no JSON"),
  );
  await watch.runOnce();
  // then
  expect(Object.fromEntries(shown)).toEqual({ payment: 2 });
  const oldest = Math.min(Date.parse(one.last_failure_at), Date.parse(two.last_failure_at));
  expect(Object.fromEntries(ages)).toEqual({ payment: (now - oldest) / 1_000 });
  // when
  await database.sql`
    insert into operator_actions (action_id, run_id, action, actor, reason, subject, outcome, at, settled_at)
    values (${Bun.randomUUIDv7()}, ${Bun.randomUUIDv7()}, 'dead-letter.discard', 'me', 'test', ${one.dead_letter_id}, 'discarded', now(), now())`;
  await send(topic, [JSON.stringify(other)]);
  await watch.runOnce();
  expect(Object.fromEntries(shown)).toEqual({ payment: 1, order: 1 });
  await watch.runOnce();
  expect(read).toBe(6);
  // when Kafka has dropped them
  now += DEAD_LETTER_RETENTION_MS + 1;
  await watch.runOnce();
  expect(Object.fromEntries(shown)).toEqual({ payment: 0, order: 0 });
  expect(Object.fromEntries(ages)).toEqual({ payment: 0, order: 0 });
});
