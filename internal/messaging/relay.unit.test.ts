// What the relay does with the results of the producer. The ports are the test's own; relay.int.test.ts has the real ones.
import { describe, expect, test } from "bun:test";
import { AppError } from "../kernel/errors.ts";
import { FIELD_SEPARATOR, type ProduceFailure, RECORD_SEPARATOR } from "../kernel/ports.ts";
import type { Database, Tx } from "./database.ts";
import { ANYTHING } from "../testkit/outbox-rule.ts";
import { Relay } from "./relay.ts";
import { relayMetrics } from "./telemetry.ts";

const IDS = ["a", "b", "c"];
const silent = { inc: () => undefined, set: () => undefined, observe: () => undefined };
const meter = { counter: () => silent, gauge: () => silent, histogram: () => silent };

/** A relay whose database always offers IDS. It records, per claim, what was skipped and what was marked. */
function relayOf(answers: readonly (readonly ProduceFailure[])[], batchEvents = 1_000, text = "text") {
  const claims: { setAside: unknown; marked: unknown }[] = [];
  const logged: object[] = [];
  const note = (fields: object) => void logged.push(fields);
  const log = { info: note, warn: note, error: note };
  let time = 0;
  const statement = (parts: TemplateStringsArray, ...values: readonly unknown[]) => {
    // A part of a statement.
    if (parts.join("").trim() === "") return Promise.resolve([]);
    if (parts.join("").includes("update outbox")) claims.at(-1)!.marked = values[0];
    else claims.push({ setAside: values[0], marked: undefined });
    return Promise.resolve([{ text, ids: IDS.join(",") }]);
  };
  const transaction = {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the store calls it as a template tag only
    tx: statement as unknown as Tx,
    send: (statements: readonly PromiseLike<unknown>[]) => Promise.all(statements),
    finish: (statements: readonly PromiseLike<unknown>[]) => Promise.all(statements),
  };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the relay uses no more of it
  const database = {
    transaction: (work: (given: typeof transaction) => Promise<unknown>) => work(transaction),
    faultOf: () => "other",
  } as unknown as Database;
  const queue = [...answers];
  const producer = { produce: () => Promise.resolve(queue.shift() ?? []), close: () => Promise.resolve() };
  const clock = { now: () => time };
  const relay = new Relay({
    database,
    databaseName: "test",
    rule: ANYTHING,
    batchEvents,
    producer,
    clock,
    metrics: relayMetrics(meter),
    log,
  });
  return { relay, claims, logged, pass: (ms: number) => void (time += ms) };
}

const failure = (index: number, code: string): ProduceFailure => ({ index, code, message: code });

describe("the relay", () => {
  test("marks what was delivered", async () => {
    const { relay, claims } = relayOf([[]]);
    expect(await relay.runOnce()).toMatchObject({ processed: 3 });
    expect(claims).toEqual([{ setAside: "{}", marked: "{a,b,c}" }]);
  });

  test("continues at once after a full claim, also after a smaller one", async () => {
    const lost = [0, 1, 2].map((index) => failure(index, "_MSG_TIMED_OUT"));
    const { relay } = relayOf([lost], 12);
    await relay.runOnce().catch(() => undefined);
    // After the failure a claim of 3, then a claim of 6, and only 3 events wait.
    expect(await relay.runOnce()).toMatchObject({ processed: 3, hasMore: true });
    expect(await relay.runOnce()).toMatchObject({ processed: 3, hasMore: false });
  });

  test("releases the whole claim when nothing was delivered, and claims it again", async () => {
    const { relay, claims } = relayOf([[0, 1, 2].map((index) => failure(index, "_MSG_TIMED_OUT"))]);
    const outcome = await relay.runOnce().catch((error: unknown) => error);
    expect(outcome).toBeInstanceOf(AppError);
    expect(outcome).toMatchObject({ code: "KAFKA_UNAVAILABLE" });
    await relay.runOnce();
    expect(claims).toEqual([
      { setAside: "{}", marked: undefined },
      { setAside: "{}", marked: "{a,b,c}" },
    ]);
  });

  test("skips an undelivered event for a second, while the others continue", async () => {
    const { relay, claims, pass } = relayOf([[failure(1, "NOT_LEADER_FOR_PARTITION")]]);
    await relay.runOnce();
    await relay.runOnce();
    pass(1_001);
    await relay.runOnce();
    expect(claims.map(({ setAside }) => setAside)).toEqual(["{}", "{b}", "{}"]);
    expect(claims[0]?.marked).toBe("{a,c}");
  });

  test("does not skip it for the error of a clock that has been corrected", async () => {
    const { relay, claims, pass } = relayOf([[failure(1, "NOT_LEADER_FOR_PARTITION")]]);
    await relay.runOnce();
    pass(-60 * 60 * 1_000);
    await relay.runOnce();
    expect(claims.map(({ setAside }) => setAside)).toEqual(["{}", "{}"]);
  });

  test("logs all events that a lost broker did not take in one line", async () => {
    const { relay, logged } = relayOf([[failure(0, "_MSG_TIMED_OUT"), failure(2, "_MSG_TIMED_OUT")]]);
    await relay.runOnce();
    expect(logged).toEqual([
      { database: "test", events: 2, code: "_MSG_TIMED_OUT", error: "_MSG_TIMED_OUT" },
    ]);
  });

  test("skips events that Kafka rejects for half a minute, even when there are no others", async () => {
    const tooLarge = (count: number) =>
      IDS.slice(0, count).map((_, index) => failure(index, "MSG_SIZE_TOO_LARGE"));
    // All three, then the first two, each of these, and the third: every part is rejected.
    const { relay, claims, pass } = relayOf([3, 2, 1, 1, 1].map(tooLarge));
    expect(await relay.runOnce()).toMatchObject({ processed: 3 });
    pass(29_000);
    await relay.runOnce();
    pass(2_000);
    await relay.runOnce();
    expect(claims.map(({ setAside }) => setAside)).toEqual(["{}", "{a,b,c}", "{}"]);
    expect(claims[0]?.marked).toBeUndefined();
  });
});

test("after a reconnect it looks at all events: the database may have been restored, and old ones wait again", async () => {
  let time = 0;
  const floors: unknown[] = [];
  const claimed = Bun.randomUUIDv7("hex", Date.UTC(2026, 10, 29));
  const tx = (parts: TemplateStringsArray, ...values: readonly unknown[]) => {
    if (parts.join("").includes("string_agg")) {
      floors.push(values[1]);
      // The machine stands still during the first scan, so the next full one is due later.
      time += floors.length === 1 ? 5_000 : 1;
    }
    return Promise.resolve([{ text: "text", ids: claimed }]);
  };
  const all = (statements: readonly PromiseLike<unknown>[]) => Promise.all(statements);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the relay uses no more of it
  const database = {
    transaction: (work: (given: unknown) => Promise<unknown>) => work({ tx, send: all, finish: all }),
    faultOf: () => "other",
  } as unknown as Database;
  const relay = new Relay({
    database,
    databaseName: "test",
    rule: ANYTHING,
    producer: { produce: () => Promise.resolve([]), close: () => Promise.resolve() },
    clock: { now: () => Date.UTC(2026, 10, 29) },
    metrics: relayMetrics(meter),
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    monotonic: () => time,
  });
  await relay.runOnce();
  await relay.runOnce();
  relay.reconnected();
  await relay.runOnce();
  const [first, later, again] = floors;
  expect(later).not.toBe(first);
  expect(again).toBe(first);
});

test("says in one line what Kafka refuses, and that it is refused until it is not", async () => {
  const text = ["order-events", "payment-events", "checkout-dlq"]
    .map((topic, index) => [topic, IDS[index], "Type", "{}"].join(FIELD_SEPARATOR))
    .join(RECORD_SEPARATOR);
  const denied = [0, 2].map((index) => failure(index, "TOPIC_AUTHORIZATION_FAILED"));
  const { relay, claims, logged, pass } = relayOf([denied], 1_000, text);
  expect(relay.denied()).toBeNull();
  await relay.runOnce();
  expect(logged).toEqual([{ database: "test", events: 2, code: "TOPIC_AUTHORIZATION_FAILED" }]);
  expect(relay.denied()).toStartWith(
    "Kafka does not let the relay of test write checkout-dlq, order-events: ",
  );
  expect(claims[0]?.marked).toBe("{b}");
  pass(31_000);
  await relay.runOnce();
  expect(claims[1]?.setAside).toBe("{}");
  pass(30_000);
  expect(relay.denied()).toBeNull();
});
