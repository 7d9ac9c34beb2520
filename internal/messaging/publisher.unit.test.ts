// What the publisher does with events after their transaction is committed. The ports are the test's own; publisher.int.test.ts has
// the real ones.
import { expect, test } from "bun:test";
import type { Sql } from "postgres";
import type { OutboxRule } from "../../schemas/outbox-rules.ts";
import { FIELD_SEPARATOR, type ProduceFailure, RECORD_SEPARATOR } from "../kernel/ports.ts";
import type { AppendedEvent, Database, Transaction } from "./database.ts";
import { Publisher, publishing } from "./publisher.ts";
import { publisherMetrics } from "./telemetry.ts";

const silent = { inc: () => undefined, set: () => undefined, observe: () => undefined };
const meter = { counter: () => silent, gauge: () => silent, histogram: () => silent };
const event = (event_id: string): AppendedEvent => ({ event_id, record: `record of ${event_id}` });
/** The events of the other tests are no whole records: their topic and type are empty. */
const rule: OutboxRule = {
  maySend: (topic, type) => (topic === "" && type === "") || (topic === "test-events" && type === "Tested"),
  pairs: [["test-events", "Tested"]],
};
const LOST: ProduceFailure = { index: 1, code: "_MSG_TIMED_OUT", message: "timed out" };

/** A publisher on a database that records marks and relay wake-ups, and a Kafka that answers as the test says. */
function publisherOf(
  answer: () => Promise<readonly ProduceFailure[]> = () => Promise.resolve([]),
  mark: () => Promise<void> = () => Promise.resolve(),
) {
  const produced: string[][] = [];
  const marked: string[] = [];
  const warnings: string[] = [];
  const errors: string[] = [];
  const did: string[] = [];
  let notified = 0;
  const statement = async (parts: TemplateStringsArray, ...values: readonly unknown[]) => {
    if (parts.join("").includes("pg_notify")) notified += 1;
    else {
      await mark();
      did.push("marked");
      marked.push(...String(values[0]).slice(1, -1).split(","));
    }
    return [];
  };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- called as a template tag only
  const sql = statement as unknown as Sql;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- no more of it is used
  const database = {
    sql,
    transaction: <T>(work: (transaction: Transaction) => Promise<T>) =>
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- no more of it is used
      work({
        tx: sql,
        finish: async (statements: readonly PromiseLike<unknown>[]) => {
          await Promise.all(statements);
          did.push("committed");
        },
        appended: null,
      } as unknown as Transaction),
    faultOf: () => "other",
  } as unknown as Database;
  const publisher = new Publisher({
    database,
    databaseName: "test",
    rule,
    metrics: publisherMetrics(meter),
    log: {
      info: () => undefined,
      warn: (_fields, message) => void warnings.push(message),
      error: (_fields, message) => void errors.push(message),
    },
  });
  const producer = {
    produce(text: string) {
      did.push("produced");
      produced.push(text.split(RECORD_SEPARATOR));
      return answer();
    },
    close: () => Promise.resolve(void did.push("closed")),
  };
  return { publisher, producer, database, produced, marked, warnings, errors, did, notified: () => notified };
}

test("events are published after their commit, in order, and marked when Kafka has them", async () => {
  const { publisher, producer, database, produced, marked, did } = publisherOf();
  publisher.publishWith(producer);
  await publishing(database, publisher).transaction(({ appended, finish }) => {
    appended?.push(event("a"), event("b"));
    return finish([]);
  });
  await publisher[Symbol.asyncDispose]();
  expect(produced).toEqual([["record of a", "record of b"]]);
  expect(marked).toEqual(["a", "b"]);
  expect(did).toEqual(["committed", "produced", "marked", "committed", "closed"]);
});

test("a transaction that fails publishes nothing", async () => {
  const { publisher, producer, database, produced, marked } = publisherOf();
  publisher.publishWith(producer);
  const failing = publishing(database, publisher).transaction(({ appended }) => {
    appended?.push(event("a"));
    return Promise.reject(new Error("no"));
  });
  expect(await failing.catch(String)).toBe("Error: no");
  await publisher[Symbol.asyncDispose]();
  expect({ produced, marked }).toEqual({ produced: [], marked: [] });
});

test("undelivered events stay for the relay, and the log says so once, not for each batch", async () => {
  const { publisher, producer, marked, warnings } = publisherOf(() => Promise.resolve([LOST]));
  publisher.publishWith(producer);
  for (let batch = 0; batch < 3; batch += 1) {
    publisher.offer([event(`a${batch}`), event(`b${batch}`)]);
    await Bun.sleep(5);
  }
  await publisher[Symbol.asyncDispose]();
  expect(marked).toEqual(["a0", "a1", "a2"]);
  expect(warnings).toEqual([expect.stringContaining("events were not delivered; the relay takes over")]);
});

test("after a producer fails, new events are left to the relay for a second", async () => {
  const { publisher, producer, produced, marked, warnings } = publisherOf(() =>
    Promise.reject(new Error("fatal")),
  );
  publisher.publishWith(producer);
  publisher.offer([event("a")]);
  while (warnings.length === 0) await Bun.sleep(1);
  publisher.offer([event("b")]);
  await publisher[Symbol.asyncDispose]();
  expect(produced).toEqual([["record of a"]]);
  expect(marked).toEqual([]);
  expect(warnings).toEqual(["events were not delivered; the relay takes over: fatal"]);
});

test("without a producer the relay has all events; it is woken when there is one", async () => {
  const { publisher, producer, produced, notified } = publisherOf();
  publisher.offer([event("a")]);
  expect(notified()).toBe(0);
  publisher.publishWith(producer);
  expect(notified()).toBe(1);
  publisher.offer([event("b")]);
  await publisher[Symbol.asyncDispose]();
  expect(produced).toEqual([["record of b"]]);
});

test("when Kafka does not keep up, the events in flight are limited and the relay has the rest", async () => {
  const stuck = Promise.withResolvers<readonly ProduceFailure[]>();
  const { publisher, producer, produced } = publisherOf(() => stuck.promise);
  publisher.publishWith(producer);
  const batch = (name: string) => Array.from({ length: 9_000 }, (_, n) => event(`${name}${n}`));
  for (const name of ["a", "b", "c"]) {
    publisher.offer(batch(name));
    // Longer than the linger time, so that each batch is produced alone.
    await Bun.sleep(120);
  }
  expect(produced.flat()).toHaveLength(18_000);
  stuck.resolve([]);
  await publisher[Symbol.asyncDispose]();
});

test("marks that the database rejects are left to the relay, and the next ones are made", async () => {
  let refusals = 1;
  const mark = () => (refusals-- > 0 ? Promise.reject(new Error("unavailable")) : Promise.resolve());
  const { publisher, producer, marked, warnings } = publisherOf(undefined, mark);
  publisher.publishWith(producer);
  publisher.offer([event("a")]);
  while (warnings.length === 0) await Bun.sleep(5);
  publisher.offer([event("b")]);
  await publisher[Symbol.asyncDispose]();
  expect(marked).toEqual(["b"]);
  expect(warnings).toEqual(["events were published but not marked; the relay takes over: unavailable"]);
});

test("a mark that hangs does not stop a role from stopping, and no second mark runs beside it", async () => {
  let marks = 0;
  const mark = () => {
    marks += 1;
    return new Promise<never>(() => undefined);
  };
  const { publisher, producer, did } = publisherOf(undefined, mark);
  publisher.publishWith(producer);
  for (const name of ["a", "b"]) {
    publisher.offer([event(name)]);
    // Longer than the time between two marks.
    await Bun.sleep(250);
  }
  await publisher[Symbol.asyncDispose]();
  expect(marks).toBe(1);
  expect(did.at(-1)).toBe("closed");
});

test("what its outbox may not send is not sent, and does not stop the rest", async () => {
  const { publisher, producer, produced, marked, errors } = publisherOf();
  publisher.publishWith(producer);
  const record = (topic: string, type: string) => [topic, "saga", type, "{}"].join(FIELD_SEPARATOR);
  const good = record("test-events", "Tested");
  publisher.offer([
    { event_id: "a", record: good },
    { event_id: "b", record: record("payment-events", "PaymentSucceeded") },
    { event_id: "c", record: good },
  ]);
  publisher.offer([{ event_id: "d", record: record("test-events", "PaymentSucceeded") }]);
  await publisher[Symbol.asyncDispose]();
  expect(produced.flat()).toEqual([good, good]);
  expect(marked).toEqual(["a", "c"]);
  expect(errors).toHaveLength(1);
  expect(errors[0]).toContain("may not send");
});

test("what the access lists refuse is told by topic, and until it is over", async () => {
  const denied: ProduceFailure = { index: 1, code: "TOPIC_AUTHORIZATION_FAILED", message: "denied" };
  const { publisher, producer, warnings } = publisherOf(() => Promise.resolve([denied]));
  publisher.publishWith(producer);
  const record = ["test-events", "saga", "Tested", "{}"].join(FIELD_SEPARATOR);
  publisher.offer(["a", "b"].map((event_id) => ({ event_id, record })));
  expect(publisher.denied()).toBeNull();
  await publisher[Symbol.asyncDispose]();
  const reason = "Kafka does not let test write test-events: `checkoutctl acl check` shows what";
  expect(publisher.denied()).toStartWith(reason);
  expect(warnings).toEqual([
    expect.stringContaining(`events were not delivered; the relay takes over: ${reason}`),
  ]);
});
