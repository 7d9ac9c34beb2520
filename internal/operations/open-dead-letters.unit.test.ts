// The topic of the dead letters is read by one reader at a time.
import { expect, test } from "bun:test";
import { chargePayment } from "../testkit/commands.ts";
import { deadLetterOf } from "../testkit/dead-letters.ts";
import { errorOf } from "../testkit/kafka.ts";
import { OpenDeadLetters } from "./open-dead-letters.ts";

const letter = deadLetterOf(chargePayment("01980000-0000-7000-8000-000000000001"), { service: "payment" });

test("who asks while the topic is read waits for the same reading, and after it the topic is read on", async () => {
  const gate = Promise.withResolvers<void>();
  const begun: number[] = [];
  const open = new OpenDeadLetters({
    async *read(from) {
      begun.push(from(0, { high: 5 }));
      await gate.promise;
      if (begun.length === 1) yield { values: [letter], next: [{ partition: 0, offset: 1 }] };
    },
    handled: async () => new Set(),
    clock: { now: () => Date.parse(letter.last_failure_at) },
  });
  const counts = [open.count(), open.count()];
  expect(begun).toEqual([0]);
  gate.resolve();
  const one = [{ service: "payment", count: 1, oldest_seconds: 0 }];
  expect(await Promise.all(counts)).toEqual([one, one]);
  expect(await open.count()).toEqual(one);
  expect(begun).toEqual([0, 1]);
});

test("after a failure the topic is read anew, and a question to the database that hangs holds up nobody", async () => {
  let reads = 0;
  let questions = 0;
  const open = new OpenDeadLetters({
    async *read() {
      reads += 1;
      if (reads === 1) throw new Error("Kafka does not answer");
      yield { values: [letter], next: [{ partition: 0, offset: 1 }] };
    },
    handled: () => {
      questions += 1;
      return questions === 1 ? new Promise(() => undefined) : Promise.resolve(new Set<string>());
    },
    clock: { now: () => Date.parse(letter.last_failure_at) },
  });
  expect(await errorOf(open.count())).toMatchObject({ message: "Kafka does not answer" });
  void open.count();
  expect(await open.count()).toEqual([{ service: "payment", count: 1, oldest_seconds: 0 }]);
});
