// The message processor on real Kafka, Postgres and Redis: one effect per message, at any number of deliveries and with any
// dependency unavailable.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Value } from "@sinclair/typebox/value";
import { createClient } from "redis";
import type { CancelOrder } from "../../schemas/commands.ts";
import { DeadLetter } from "../../schemas/dead-letter.ts";
import { AppError } from "../kernel/errors.ts";
import type { ConsumedBatch, Consumer, RawMessage } from "../kernel/ports.ts";
import { openPostgres } from "../platform/postgres.ts";
import { cancelOrder } from "../testkit/commands.ts";
import { CountingService } from "../testkit/counting-service.ts";
import { sendBytes } from "../testkit/kafka.ts";
import { redisUrl } from "../testkit/servers.ts";
import { TcpProxy } from "../faults/tcp-proxy.ts";
import { waitUntil } from "../stack/wait.ts";
import { noSpan, noTracer, type Tracer } from "../kernel/telemetry.ts";
import type { Database, Transaction } from "./database.ts";
import { applyOnce } from "./inbox-transaction.ts";

let service: CountingService;
beforeAll(async () => {
  service = await CountingService.create();
});
afterAll(async () => {
  await service[Symbol.asyncDispose]();
});

const newSaga = (): string => Bun.randomUUIDv7();
const newSagas = (count: number): string[] => Array.from({ length: count }, newSaga);

/** The counters of these sagas, in their order. */
async function countsOf(sagas: readonly string[]): Promise<(number | undefined)[]> {
  const counts = await service.counts();
  return sagas.map((saga) => counts[saga]);
}

/** The inbox transaction alone, for tests that do not depend on how Kafka splits its batches. */
function apply(
  database: Database,
  commands: readonly CancelOrder[],
  tracer: Tracer = noTracer,
): Promise<ReadonlySet<string>> {
  const context = {
    handler: service.handler(false),
    database,
    clock: { now: Date.now },
    newId: newSaga,
    random: Math.random,
    tracer,
  };
  return applyOnce(
    context,
    commands.map((message) => ({ message, value: message, raw: () => rawOf(message) })),
  );
}

interface RetryRow {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly headers: unknown;
}

/** A consumer whose offsets are never committed, as if its process died each time before the commit. */
function dyingBeforeCommit(real: Consumer): Consumer {
  return {
    async poll(options) {
      const batch = await real.poll(options);
      if (batch === null) return null;
      const { values, undecodable, skipped } = batch;
      const dying: ConsumedBatch = {
        values,
        undecodable,
        skipped,
        raw: (index) => batch.raw(index),
        topic: (index) => batch.topic(index),
        done: () => {},
        release: () => batch.release(),
      };
      return dying;
    },
    close: () => real.close(),
  };
}

/** Delivers `messages` as one batch, once. */
function handingOver(messages: readonly CancelOrder[]): Consumer {
  const batches: ConsumedBatch[] = [
    {
      values: messages,
      undecodable: [],
      skipped: 0,
      raw: (index) => rawOf(messages[index]),
      topic: () => service.topic,
      done: () => {},
      release: () => {},
    },
  ];
  return { poll: async () => batches.shift() ?? null, close: async () => {} };
}

function rawOf(message: CancelOrder | undefined): RawMessage {
  const value = Buffer.from(JSON.stringify(message));
  return { topic: service.topic, partition: 0, offset: 0, timestampMs: 0, key: null, value, headers: [] };
}

/**
 * `real`, which counts its transactions and how many ran at the same time, and is unavailable for the transactions whose number is
 * in `unavailable`.
 */
function countingTransactions(real: Database) {
  let running = 0;
  const counting = {
    begun: 0,
    most: 0,
    unavailable: new Set<number>(),
    get sql() {
      return real.sql;
    },
    async transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
      counting.begun += 1;
      if (counting.unavailable.has(counting.begun))
        throw new AppError("DATABASE_UNAVAILABLE", "unavailable for this transaction");
      running += 1;
      counting.most = Math.max(counting.most, running);
      try {
        return await real.transaction(work);
      } finally {
        running -= 1;
      }
    },
    listen: (channel: string, onNotify: () => void) => real.listen(channel, onNotify),
    faultOf: (error: unknown) => real.faultOf(error),
  };
  return counting;
}

test("a message gets a span, and what it causes carries the span's context", async () => {
  const command = cancelOrder(newSaga());
  const traceparent = `00-${"4b".repeat(16)}-${"0a".repeat(8)}-01`;
  const spans: string[] = [];
  const tracer: Tracer = {
    ...noTracer,
    isOn: true,
    span(name, parent) {
      spans.push(`${name} begins under ${parent ?? "nothing"}`);
      return { ...noSpan, traceparent, end: () => void spans.push(`${name} ends`) };
    },
  };
  await apply(service.database.postgres, [{ ...command, traceparent: "parent" }], tracer);
  const caused = (await service.outbox()).find(({ partition_key }) => partition_key === command.saga_id);
  expect(caused?.payload.traceparent).toBe(traceparent);
  expect(spans).toEqual([
    `process ${service.topic} begins under parent`,
    `process ${service.topic} CancelOrder begins under parent`,
    `process ${service.topic} CancelOrder ends`,
    `process ${service.topic} ends`,
  ]);
});

describe("one effect per message", () => {
  test("one transaction holds the effects and replies of a batch, and its offsets are committed", async () => {
    const [first, second] = [newSaga(), newSaga()];
    const commands = [cancelOrder(first), cancelOrder(second), cancelOrder(first)];
    await service.send(...commands);
    {
      await using one = await service.start();
      expect(await one.handle(3)).toMatchObject({ handled: 3, duplicates: 0 });
    }
    expect(await countsOf([first, second])).toEqual([2, 1]);
    const answers = (await service.outbox()).filter(({ partition_key }) =>
      [first, second].includes(partition_key),
    );
    expect(answers).toMatchObject([
      { topic: "order-events", partition_key: first, payload: { type: "OrderCancelled", saga_id: first } },
      { topic: "order-events", partition_key: second },
      { topic: "order-events", partition_key: first },
    ]);
    await using next = await service.start();
    await service.send(cancelOrder(second));
    expect(await next.handleNext()).toMatchObject({ handled: 1, duplicates: 0 });
  });

  test("a message delivered twice counts once, within a batch and after it", async () => {
    const saga = newSaga();
    const command = cancelOrder(saga);
    await using one = await service.start();
    await service.send(command, command, command);
    expect(await one.handle(3)).toMatchObject({ handled: 1, duplicates: 2 });
    await service.send(command);
    expect(await one.handle(1)).toMatchObject({ handled: 0, duplicates: 1 });
    expect(await countsOf([saga])).toEqual([1]);
  });

  test("after a process dies between its transaction and its offsets, everything is delivered again without effect", async () => {
    const sagas = newSagas(20);
    await service.send(...sagas.map((saga) => cancelOrder(saga)));
    {
      await using dying = await service.start({ consumer: dyingBeforeCommit });
      expect(await dying.handle(20)).toMatchObject({ handled: 20 });
    }
    await using next = await service.start();
    expect(await next.handle(20)).toMatchObject({ handled: 0, duplicates: 20 });
    expect(await countsOf(sagas)).toEqual(sagas.map(() => 1));
  });

  test("after a process dies between its transaction and the Redis mark, its messages count once", async () => {
    const sagas = newSagas(5);
    await service.send(...sagas.map((saga) => cancelOrder(saga)));
    {
      // Neither Redis nor Kafka is told about it.
      const deaf = { consumer: dyingBeforeCommit, redisUrl: "redis://127.0.0.1:1" };
      await using dying = await service.start(deaf);
      expect(await dying.handle(5)).toMatchObject({ handled: 5 });
    }
    await using next = await service.start();
    expect(await next.handle(5)).toMatchObject({ handled: 0, duplicates: 5 });
    expect(await countsOf(sagas)).toEqual(sagas.map(() => 1));
  });

  test("processes that get the same messages at once share the effects", async () => {
    const sagas = newSagas(40);
    const commands = sagas.flatMap((saga) => [cancelOrder(saga), cancelOrder(saga)]);
    const fresh = await Promise.all(
      // Each in a different order, as after a rebalance.
      [0, 20, 40, 60].map((shift) =>
        apply(service.database.postgres, [...commands.slice(shift), ...commands.slice(0, shift)]),
      ),
    );
    expect(fresh.reduce((sum, ids) => sum + ids.size, 0)).toBe(commands.length);
    expect(await countsOf(sagas)).toEqual(sagas.map(() => 2));
  });

  test("a large batch is applied in parallel parts, with all messages of a saga in one part", async () => {
    const sagas = newSagas(1_500);
    const commands = [...sagas, ...sagas].map((saga) => cancelOrder(saga));
    const database = countingTransactions(service.database.postgres);
    await using one = await service.start({ consumer: () => handingOver(commands), database });
    expect(await one.handleNext()).toMatchObject({ handled: 3_000, duplicates: 0 });
    expect(await countsOf(sagas)).toEqual(sagas.map(() => 2));
    expect(database).toMatchObject({ begun: 2, most: 2 });
  });

  test("a part that the database rejects is split alone; an unavailable database makes the batch repeat", async () => {
    const sagas = newSagas(2_000);
    const commands = sagas.map((saga) => cancelOrder(saga));
    const [poison = ""] = sagas;
    service.throwing.add(poison);
    const database = countingTransactions(service.database.postgres);
    database.unavailable.add(2);
    await using one = await service.start({ consumer: () => handingOver(commands), database });
    const counts = await one.handleNext();
    service.throwing.clear();
    expect(counts).toMatchObject({ retriesScheduled: 1, deadLettered: 0 });
    expect(counts.handled + counts.duplicates).toBe(1_999);
    expect(await countsOf(sagas)).toEqual([undefined, ...sagas.slice(1).map(() => 1)]);
    expect(one.warnings).toContain("the database is unavailable, the batch waits");
  });

  test("a batch of any size costs two round trips", async () => {
    const url = new URL(service.database.url);
    await using proxy = await TcpProxy.start({ host: url.hostname, port: Number(url.port) }, 5);
    url.port = String(proxy.port);
    // A long lock wait is examined on another connection, which the proxy would count.
    const timeouts = { lockMs: 60_000, statementMs: 60_000 };
    await using database = openPostgres({ url: url.href, poolSize: 2, applicationName: "test", timeouts });
    // One call to connect and to prepare every statement.
    await apply(database, [cancelOrder(newSaga())]);
    // Long enough that on a busy machine no answer overtakes the second half of a group.
    proxy.latencyMs = 250;
    for (const size of [1, 1_000]) {
      const before = proxy.roundTrips;
      const fresh = await apply(
        database,
        newSagas(size).map((saga) => cancelOrder(saga)),
      );
      expect(fresh.size).toBe(size);
      expect(proxy.roundTrips - before).toBe(2);
    }
  });
});

describe("the dedup cache is never trusted", () => {
  const keysOf = (commands: readonly CancelOrder[]) =>
    commands.map((command) => `idem:${service.name}:${command.message_id}`);

  test("handled messages are marked after the commit", async () => {
    const command = cancelOrder(newSaga());
    await using one = await service.start({ redisTimeoutMs: 10_000 });
    await waitUntil("Redis is connected", () => one.hasRedis(), { timeoutMs: 30_000 });
    await service.send(command);
    await one.handle(1);
    expect(await one.redis.present(keysOf([command]))).toEqual([true]);
  });

  test("after a flush the inbox finds the duplicates", async () => {
    const sagas = newSagas(5);
    const commands = sagas.map((saga) => cancelOrder(saga));
    await using one = await service.start();
    await service.send(...commands);
    await one.handle(5);
    const client = await createClient({ url: redisUrl() }).connect();
    await client.del(keysOf(commands));
    client.destroy();
    await service.send(...commands);
    expect(await one.handle(5)).toMatchObject({ handled: 0, duplicates: 5 });
    expect(await countsOf(sagas)).toEqual(sagas.map(() => 1));
  });

  test("a message that is wrongly reported as seen is handled", async () => {
    const sagas = newSagas(3);
    const commands = sagas.map((saga) => cancelOrder(saga));
    await using one = await service.start({ redisTimeoutMs: 10_000 });
    await waitUntil("Redis is connected", () => one.hasRedis(), { timeoutMs: 30_000 });
    await one.redis.remember(keysOf(commands.slice(0, 2)), 60);
    expect(await one.redis.present(keysOf(commands))).toEqual([true, true, false]);
    await service.send(...commands);
    expect(await one.handle(3)).toMatchObject({ handled: 3, duplicates: 0 });
    expect(await countsOf(sagas)).toEqual([1, 1, 1]);
    expect((await one.metrics.expose()).text).toContain("dedup_cache_false_positives_total");
  });

  test("messages are handled once without Redis", async () => {
    const saga = newSaga();
    const command = cancelOrder(saga);
    await using one = await service.start({ redisUrl: "redis://127.0.0.1:1" });
    await service.send(command, command);
    expect(await one.handle(2)).toMatchObject({ handled: 1, duplicates: 1 });
    await service.send(command);
    expect(await one.handle(1)).toMatchObject({ handled: 0, duplicates: 1 });
    expect(await countsOf([saga])).toEqual([1]);
  });
});

describe("a message that fails does not delay its neighbours", () => {
  test("it is alone in the retry table, byte for byte, and its saga is unchanged", async () => {
    const sagas = newSagas(30);
    const [throwing, refused] = [sagas[7] ?? "", sagas[21] ?? ""];
    service.throwing.add(throwing);
    service.refused.add(refused);
    const commands = sagas.map((saga) => cancelOrder(saga));
    await using one = await service.start();
    await service.send(...commands);
    expect(await one.handle(30)).toMatchObject({ handled: 28, retriesScheduled: 2 });
    expect(await countsOf(sagas)).toEqual(
      sagas.map((saga) => (saga === throwing || saga === refused ? undefined : 1)),
    );

    const rows = await service.database.sql<RetryRow[]>`
      select saga_id, attempts, error_code, error_message, topic, key, value, headers
        from retry where saga_id = any(${[throwing, refused]}::uuid[]) order by error_code`;
    expect(rows).toMatchObject([
      { saga_id: throwing, attempts: 1, error_code: "ASSERTION_FAILED", topic: service.topic },
      {
        saga_id: refused,
        attempts: 1,
        error_code: "DATABASE_REFUSED",
        error_message: expect.stringContaining("counter_count_check"),
      },
    ]);
    const [pending] = rows;
    expect(String(pending?.value)).toBe(JSON.stringify(commands[7]));
    expect(String(pending?.key)).toBe(throwing);
    expect(pending?.headers).toEqual([{ name: "type", value_base64: btoa("CancelOrder") }]);
    await service.database.sql`truncate retry`;
  });

  test("unreadable bytes are dead-lettered at once, and once at any number of deliveries", async () => {
    const saga = newSaga();
    const broken = { ...cancelOrder(saga), occurred_at: "yesterday" };
    const bytes = Buffer.from([0x7b, 0xff, 0x00]);
    await sendBytes(service.topic, [
      { value: bytes, key: "k", headers: [["type", Buffer.from("CancelOrder")]] },
      { value: Buffer.from('{"type":"Teapot"}') },
      { value: Buffer.from(JSON.stringify(broken)) },
      { value: null },
    ]);
    await service.send(cancelOrder(saga));
    {
      await using dying = await service.start({ consumer: dyingBeforeCommit });
      expect(await dying.handle(5)).toMatchObject({ handled: 1, deadLettered: 4 });
    }
    await using next = await service.start();
    expect(await next.handle(5)).toMatchObject({ duplicates: 1, deadLettered: 4 });

    const letters = await service.deadLetters();
    expect(letters.every((letter) => Value.Check(DeadLetter, letter))).toBe(true);
    expect(letters.map((letter) => letter.error_code).toSorted()).toEqual([
      "SCHEMA_VIOLATION",
      "UNDECODABLE",
      "UNDECODABLE",
      "UNKNOWN_TYPE",
    ]);
    const unreadable = letters.find((letter) => letter.original.key_base64 === btoa("k"));
    expect(Buffer.from(unreadable?.original.value_base64 ?? "", "base64")).toEqual(bytes);
    // The saga of the unreadable command gets an event about it.
    const told = (await service.outbox()).filter(({ partition_key }) => partition_key === saga);
    expect(told.map(({ payload }) => payload.type)).toContain("CommandDeadLettered");
    expect(await countsOf([saga])).toEqual([1]);
  });
});

describe("an unavailable database", () => {
  test("makes the batch wait until it is back", async () => {
    const url = new URL(service.database.url);
    await using proxy = await TcpProxy.start({ host: url.hostname, port: Number(url.port) }, 0);
    url.port = String(proxy.port);
    await using database = openPostgres({
      url: url.href,
      poolSize: 2,
      applicationName: "test",
      timeouts: { roundTripMs: 300, connectMs: 1_000 },
    });
    await using one = await service.start({ database });
    const sagas = newSagas(10);
    proxy.stall();
    await service.send(...sagas.map((saga) => cancelOrder(saga)));
    const handled = one.handle(10);
    while (!one.warnings.includes("the database is unavailable, the batch waits")) await Bun.sleep(10);
    proxy.cut();
    proxy.resume();
    expect((await handled).retriesScheduled).toBe(0);
    expect(await countsOf(sagas)).toEqual(sagas.map(() => 1));
  });

  test("lets a stopping process release the batch, and the next process handles it", async () => {
    const sagas = newSagas(3);
    await using database = openPostgres({
      url: "postgres://nobody@127.0.0.1:1/none",
      poolSize: 2,
      applicationName: "test",
    });
    {
      await using stopped = await service.start({ database });
      await service.send(...sagas.map((saga) => cancelOrder(saga)));
      const waiting = stopped.handleNext().catch((error: unknown) => error);
      while (!stopped.warnings.includes("the database is unavailable, the batch waits")) await Bun.sleep(10);
      stopped.stop();
      expect(await waiting).toBeInstanceOf(Error);
    }
    await using next = await service.start();
    expect(await next.handle(3)).toMatchObject({ handled: 3 });
    expect(await countsOf(sagas)).toEqual([1, 1, 1]);
  });
});
