// What a store can rely on: conversion of values, listeners that survive a lost connection, and the classification of errors.
import { describe, expect, test } from "bun:test";
import { postgresUrl } from "../testkit/servers.ts";
import { waitUntil } from "../stack/wait.ts";
import { TcpProxy } from "../faults/tcp-proxy.ts";
import { describeError } from "../kernel/errors.ts";
import { causeOf } from "../messaging/dead-letter.ts";
import { createLogger } from "./log.ts";
import { openPostgres } from "./postgres.ts";

const open = (url = postgresUrl()) => openPostgres({ url, poolSize: 2, applicationName: "postgres-test" });

function through(proxy: TcpProxy): string {
  const url = new URL(postgresUrl());
  url.hostname = "127.0.0.1";
  url.port = String(proxy.port);
  return url.href;
}

async function startProxy(): Promise<TcpProxy> {
  const { hostname, port } = new URL(postgresUrl());
  return TcpProxy.start({ host: hostname, port: Number(port) }, 0);
}

test("a value that the database quotes is in no error message, no dead letter and no log line", async () => {
  await using database = open();
  const value = 'canary "4242" of\nsomebody';
  const lines: string[] = [];
  const destination = { write: (line: string) => void lines.push(line) };
  const log = createLogger({ role: "checkout-test", version: "1", level: "info", destination });
  const statements = [
    () => database.sql`select ${value}::text::integer`,
    () => database.sql`select ${value}::text::uuid`,
    () => database.sql`select ${value}::text::timestamptz`,
    () => database.sql`select ${value}::text::json`,
  ];
  for (const statement of statements) {
    const error: unknown = await database
      .transaction(async ({ send }) => send([statement()]))
      .catch((thrown: unknown) => thrown);
    const alone: unknown = await Promise.resolve(statement()).catch((thrown: unknown) => thrown);
    expect(Bun.inspect(error) + Bun.inspect(alone)).toMatch(/22P02|22007/);
    for (const thrown of [error, alone]) {
      log.error({ err: thrown }, describeError(thrown));
      expect(causeOf(thrown).message).not.toMatch(/canary|4242|somebody/);
    }
  }
  expect(lines.join("")).toContain("invalid input syntax for type uuid");
  expect(lines.join("")).not.toMatch(/canary|4242|somebody/);
});

describe("values", () => {
  test("bigint is a number, and above 2^53 an error instead of a rounded value", async () => {
    await using database = open();
    const [row] =
      await database.sql`select ${Number.MAX_SAFE_INTEGER}::bigint as n, array[1, 2]::bigint[] as list`;
    expect(row).toEqual({ n: Number.MAX_SAFE_INTEGER, list: [1, 2] });
    await expect(Promise.resolve(database.sql`select 9007199254740993::bigint as n`)).rejects.toThrow(
      "exceeds 2^53",
    );
  });

  test("timestamps are milliseconds since the epoch, both ways", async () => {
    await using database = open();
    const now = Date.UTC(2026, 10, 23, 20, 1, 2, 345);
    const [row] = await database.sql`
      select ${now}::timestamptz as back, extract(epoch from ${now}::timestamptz) * 1000 = ${now} as is_same,
        null::timestamptz as nothing`;
    expect(row).toEqual({ back: now, is_same: true, nothing: null });
  });

  test("JSON goes in as a value or as text, and comes out parsed", async () => {
    await using database = open();
    const rows = [
      { id: 1, note: 'a "quoted" text' },
      { id: 2, note: null },
    ];
    const { sql } = database;
    const back = await sql<
      typeof rows
    >`select * from jsonb_to_recordset(${sql.json(rows)}) as t(id int, note text)`;
    expect([...back]).toEqual(rows);
    const [fromText] = await sql`select ${JSON.stringify(rows)}::text::jsonb as value`;
    expect(fromText?.["value"]).toEqual(rows);
  });

  test("lists of booleans come out; the driver sends none", async () => {
    await using database = open();
    const [row] = await database.sql`select array[true, null, false] as list`;
    expect(row?.["list"]).toEqual([true, null, false]);
  });

  test.each<[string, readonly (string | number | null)[]]>([
    ["uuid", [crypto.randomUUID(), null, crypto.randomUUID()]],
    ["text", ["plain", "", "NULL", 'a "quoted" one', "{a,b}", "back\\slash", "two\nlines", " é ", null]],
    ["varchar", ["a b"]],
    ["name", ["saga_app"]],
    ["smallint", [1, -2]],
    ["integer", [0, null, 2_147_483_647]],
    ["bigint", [Number.MAX_SAFE_INTEGER, -1]],
    ["float8", [0.5, -1e100]],
  ])("lists go in as arrays, and come out as they were: %s", async (type, list) => {
    await using database = open();
    for (const one of [list, []]) {
      const [row] = await database.sql.unsafe(
        `select $1::${type}[] as list, cardinality($1::${type}[]) as count`,
        [[...one]],
      );
      expect([row?.["list"], row?.["count"]]).toEqual([one, one.length]);
    }
  });
});

describe("listen", () => {
  test("is called for a NOTIFY, and no more once stopped", async () => {
    await using database = open();
    let woken = Promise.withResolvers<void>();
    let count = 0;
    const stop = await database.listen("postgres_test", () => {
      count += 1;
      woken.resolve();
    });
    await database.sql`notify postgres_test`;
    await woken.promise;
    woken = Promise.withResolvers<void>();
    await stop();
    await stop();
    await database.sql`notify postgres_test`;
    await database.ready();
    expect(count).toBe(1);
  });

  test("is called once after a reconnect, and then receives notifications again", async () => {
    await using proxy = await startProxy();
    await using listening = open(through(proxy));
    await using database = open();
    const woken: PromiseWithResolvers<void>[] = [Promise.withResolvers(), Promise.withResolvers()];
    let count = 0;
    await listening.listen("postgres_test", () => woken[count++]?.resolve());
    proxy.cut();
    await woken[0]?.promise;
    await database.sql`notify postgres_test`;
    await woken[1]?.promise;
    expect(count).toBe(2);
  });

  test("fails while the database is down, and does not connect later", async () => {
    const proxy = await startProxy();
    await proxy[Symbol.asyncDispose]();
    await using database = open(through(proxy));
    const error = await database
      .listen("postgres_test", () => undefined)
      .then(
        () => undefined,
        (reason: unknown) => reason,
      );
    expect(database.faultOf(error)).toBe("unavailable");
  });
});

describe("the pool", () => {
  test("recovers from a statement that starts while its connection breaks", async () => {
    await using proxy = await startProxy();
    // Long enough to make a connection that hangs during connect visible.
    const timeouts = { connectMs: 30_000 };
    await using database = openPostgres({
      url: through(proxy),
      poolSize: 4,
      applicationName: "pool-test",
      timeouts,
    });
    const select = (value: number) => database.sql`select ${value}::int`;
    for (let round = 0; round < 10; round += 1) {
      await Promise.all([select(1), select(2), database.transaction(({ finish }) => finish([]))]);
      const transaction = database.transaction(({ tx, send }) => send([tx`select pg_sleep(9)`]));
      setImmediate(() => proxy.cut());
      // The end of its connection is noticed first, that of the others in the same turn.
      await transaction.catch(() => undefined);
      await Promise.allSettled([select(1), select(2), select(3)]);
    }
    await waitUntil("the pool works", async () => (await database.sql`select 1`).length === 1, {
      timeoutMs: 30_000,
    });
  });
});

describe("the fault of an error", () => {
  const raising = (state: string) => `do $$ begin raise exception sqlstate '${state}'; end $$`;
  test.each([
    ["a standby's error for a write", raising("25006"), "unavailable"],
    ["a standby's error for `begin read write`", raising("0A000"), "unavailable"],
    ["a table that does not exist yet", "select * from not_there", "unavailable"],
    ["a statement that takes too long", "set statement_timeout = 20; select pg_sleep(5)", "unavailable"],
    ["a value that does not fit", "select 'x'::int", "other"],
    ["a division by zero", "select 1 / 0", "other"],
  ] as const)("%s", async (_what, statement, fault) => {
    await using database = open();
    const error = await database.sql.unsafe(statement).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(Error);
    expect(database.faultOf(error)).toBe(fault);
  });

  test("a database that does not exist", async () => {
    const url = new URL(postgresUrl());
    url.pathname = "/not_there";
    await using database = open(url.href);
    const error = await database.ready().then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(database.faultOf(error)).toBe("unavailable");
  });
});
