// The two-round-trip transaction against a real server: its cost, and that every kind of failure leaves nothing behind.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import postgres from "postgres";
import { AppError, AssertionError, type ErrorCode } from "../kernel/errors.ts";
import type { Transaction } from "../messaging/database.ts";
import { postgresUrl } from "../testkit/servers.ts";
import { TcpProxy } from "../faults/tcp-proxy.ts";
import { waitUntil } from "../stack/wait.ts";
import { openPostgres, type Postgres, type PostgresOptions } from "./postgres.ts";

const SCHEMA = "transaction_test";
const admin = postgres(postgresUrl(), { max: 1, onnotice: () => undefined });

beforeAll(async () => {
  await admin.unsafe(`drop schema if exists ${SCHEMA} cascade; create schema ${SCHEMA}`);
});
beforeEach(async () => {
  await admin.unsafe(`
    drop table if exists ${SCHEMA}.item cascade;
    create table ${SCHEMA}.item (id int primary key, amount bigint not null check (amount >= 0));
    create table if not exists ${SCHEMA}.parent (id int primary key);
    create table if not exists ${SCHEMA}.child (
      parent_id int references ${SCHEMA}.parent deferrable initially deferred
    )`);
});
afterAll(async () => {
  await admin.unsafe(`drop schema ${SCHEMA} cascade`);
  await admin.end();
});

function open(overrides: Partial<PostgresOptions> = {}): Postgres {
  const url = new URL(overrides.url ?? postgresUrl());
  url.searchParams.set("search_path", SCHEMA);
  return openPostgres({ poolSize: 2, applicationName: "transaction-test", ...overrides, url: url.href });
}

async function startProxy(latencyMs = 5): Promise<TcpProxy> {
  const { hostname, port } = new URL(postgresUrl());
  return TcpProxy.start({ host: hostname, port: Number(port) }, latencyMs);
}

function through(proxy: TcpProxy): string {
  const url = new URL(postgresUrl());
  url.hostname = "127.0.0.1";
  url.port = String(proxy.port);
  return url.href;
}

async function ids(): Promise<number[]> {
  const rows = await admin.unsafe<{ id: number }[]>(`select id from ${SCHEMA}.item order by id`);
  return rows.map((row) => row.id);
}

async function failure(work: Promise<unknown>): Promise<unknown> {
  try {
    await work;
  } catch (error) {
    return error;
  }
  throw new Error("expected a failure");
}

async function expectCode(work: Promise<unknown>, code: ErrorCode): Promise<AppError> {
  const error = await failure(work);
  if (!(error instanceof AppError)) throw error;
  expect(error.code).toBe(code);
  return error;
}

function sqlState(error: unknown): string | undefined {
  return error instanceof postgres.PostgresError ? error.code : undefined;
}

/** Whether a statement cannot even be made any more. It is not sent. */
function isRefused(make: () => unknown): boolean {
  try {
    make();
    return false;
  } catch {
    return true;
  }
}

const insert = (database: Postgres, id: number, amount = 1) =>
  database.transaction(async ({ tx, finish }) => finish([tx`insert into item values (${id}, ${amount})`]));

/** As soon as a connection takes no longer than it may here; on a busy machine the first ones can. */
const insertSoon = (database: Postgres, id: number) =>
  waitUntil(
    `row ${id} is committed`,
    async () => {
      // A commit whose answer was too late counts.
      await database.transaction(({ tx, finish }) =>
        finish([tx`insert into item values (${id}, 1) on conflict do nothing`]),
      );
      return true;
    },
    { timeoutMs: 30_000 },
  );

describe("cost", () => {
  test("load, decide, save takes two round trips once the statements are prepared", async () => {
    // Longer than a busy machine takes between two writes of one group, which would count as two round trips.
    await using proxy = await startProxy(100);
    // A long lock wait is examined on another connection, which the proxy would count.
    await using database = open({ url: through(proxy), timeouts: { lockMs: 60_000 } });
    const batch = (firstId: number) =>
      database.transaction(async ({ tx, send, finish }) => {
        const rows = [firstId, firstId + 1].map((id) => ({ id, amount: id * 10 }));
        const [inserted, loaded] = await send([
          tx<{ id: number }[]>`
            insert into item select * from jsonb_to_recordset(${tx.json(rows)}) as t(id int, amount bigint) returning id`,
          tx<{ count: number }[]>`select count(*) from item where id >= ${firstId}`,
        ]);
        expect(inserted.map((row) => row.id)).toEqual([firstId, firstId + 1]);
        expect(loaded[0]?.count).toBe(2);
        await finish([
          tx`update item set amount = amount + ${1} where id = ${firstId}`,
          tx`notify item_test`,
        ]);
      });
    await batch(1);
    proxy.roundTrips = 0;
    await batch(11);
    expect(proxy.roundTrips).toBe(2);
    expect(await ids()).toEqual([1, 2, 11, 12]);
  });

  test("connections are kept and reused", async () => {
    await using database = open();
    const pid = () =>
      database.transaction(async ({ tx, send, finish }) => {
        const [[row]] = await send([tx<{ pid: number }[]>`select pg_backend_pid() as pid`]);
        await finish([]);
        return row?.pid;
      });
    const first = await pid();
    expect(first).toBeNumber();
    expect(await pid()).toBe(first);
  });

  test("at most one transaction per connection runs at once; the others queue", async () => {
    await using database = open({ poolSize: 4 });
    let running = 0;
    let most = 0;
    const two = Promise.withResolvers<void>();
    const one = (id: number) =>
      database.transaction(async ({ tx, send, finish }) => {
        most = Math.max(most, ++running);
        if (running === 2) two.resolve();
        await send([tx`select pg_sleep(0.02)`]);
        // The second one starts while the first still runs, however long its connection takes.
        await two.promise;
        running -= 1;
        await finish([tx`insert into item values (${id}, 1)`]);
      });
    expect(database.transactionLoad).toEqual({ running: 0, waiting: 0, limit: 2 });
    const all = Promise.all([1, 2, 3, 4, 5, 6].map(one));
    expect(database.transactionLoad).toEqual({ running: 2, waiting: 4, limit: 2 });
    await all;
    expect(database.transactionLoad).toEqual({ running: 0, waiting: 0, limit: 2 });
    expect(most).toBe(2);
    expect(await ids()).toEqual([1, 2, 3, 4, 5, 6]);
  });
});

describe("a statement fails", () => {
  test("in the first group: the first real error is thrown, all is rolled back, the connection is reused", async () => {
    await using database = open();
    await insert(database, 1);
    const error = await expectCode(
      database.transaction(async ({ tx, send, finish }) => {
        await send([
          tx`insert into item values (${2}, 1)`,
          tx`insert into item values (${3}, ${-1})`,
          tx`insert into item values (${4}, 1)`,
        ]);
        await finish([]);
      }),
      "DATABASE_REFUSED",
    );
    expect(sqlState(error.cause)).toBe("23514");
    expect(await ids()).toEqual([1]);
    await insert(database, 5);
    expect(await ids()).toEqual([1, 5]);
  });

  test("in the last group, together with commit: nothing is committed", async () => {
    await using database = open();
    await insert(database, 1);
    const again = database.transaction(async ({ tx, send, finish }) => {
      await send([tx`insert into item values (${2}, 1)`]);
      await finish([tx`insert into item values (${1}, 1)`, tx`insert into item values (${3}, 1)`]);
    });
    await expectCode(again, "DATABASE_CONFLICT");
    expect(await ids()).toEqual([1]);
    await insert(database, 4);
    expect(await ids()).toEqual([1, 4]);
  });

  test("and the work swallows the error: the commit that the server turns into a rollback is detected", async () => {
    await using database = open();
    const swallowing = database.transaction(async ({ tx, send, finish }) => {
      await failure(send([tx`insert into item values (${1}, ${-1})`]));
      await finish([]);
    });
    await expectCode(swallowing, "DATABASE_REFUSED");
    expect(await ids()).toEqual([]);
  });

  test("at the commit itself, by a deferred constraint", async () => {
    await using database = open();
    const orphan = database.transaction(({ tx, finish }) => finish([tx`insert into child values (${99})`]));
    const error = await expectCode(orphan, "DATABASE_REFUSED");
    expect(sqlState(error.cause)).toBe("23503");
    await insert(database, 1);
    expect(await ids()).toEqual([1]);
  });

  test("because another transaction holds the row too long: locked, with the blocker's name", async () => {
    await using database = open({ timeouts: { lockMs: 2_000 } });
    await insert(database, 1);
    await admin.begin(async (holder) => {
      await holder.unsafe(`update ${SCHEMA}.item set amount = 5 where id = 1`);
      const waiting = database.transaction(({ tx, finish }) =>
        finish([tx`update item set amount = 6 where id = ${1}`]),
      );
      const error = await expectCode(waiting, "DATABASE_LOCKED");
      const [{ pid } = { pid: 0 }] = await holder<[{ pid: number }]>`select pg_backend_pid() as pid`;
      expect(error.message).toMatch(/^waited \d+ ms for a row of /);
      expect(error.message).toContain(`item that pid ${pid} holds (`);
      expect(error.message).toContain("idle in transaction");
    });
  });
});

describe("the work fails", () => {
  test("by throwing: rolled back, and its error passes unchanged", async () => {
    await using database = open();
    const boom = new Error("boom");
    const work = database.transaction(async ({ tx, send }) => {
      await send([tx`insert into item values (${1}, 1)`]);
      throw boom;
    });
    expect(await failure(work)).toBe(boom);
    expect(await ids()).toEqual([]);
    await insert(database, 2);
    expect(await ids()).toEqual([2]);
  });

  test("by forgetting finish(): rolled back, with a programmer error", async () => {
    await using database = open();
    const work = database.transaction(async ({ tx, send }) => {
      await send([tx`insert into item values (${1}, 1)`]);
    });
    expect(await failure(work)).toBeInstanceOf(AssertionError);
    expect(await ids()).toEqual([]);
  });
});

describe("the connection fails", () => {
  test("between the round trips: unavailable, later statements are not executed, the next transaction works", async () => {
    await using database = open();
    const work = database.transaction(async ({ tx, send, finish }) => {
      const [[row]] = await send([
        tx<{ pid: number }[]>`select pg_backend_pid() as pid`,
        tx`insert into item values (${1}, 1)`,
      ]);
      await admin`select pg_terminate_backend(${row?.pid ?? 0}, 1000)`;
      await finish([tx`insert into item values (${2}, 1)`]);
    });
    await expectCode(work, "DATABASE_UNAVAILABLE");
    expect(await ids()).toEqual([]);
    await insert(database, 3);
    expect(await ids()).toEqual([3]);
  });

  test("between the round trips, while a store awaits its statements directly: a rejection, no crash", async () => {
    await using database = open();
    const work = database.transaction(async ({ tx, send }) => {
      const [[row]] = await send([tx<{ pid: number }[]>`select pg_backend_pid() as pid`]);
      await admin`select pg_terminate_backend(${row?.pid ?? 0}, 1000)`;
      await tx`select ${"x".repeat(10)}::text`.catch(() => undefined);
      await tx`select ${"x".repeat(10_000)}::text`;
    });
    await expectCode(work, "DATABASE_UNAVAILABLE");
  });

  test("between the round trips, before a store that begins to load at once: a rejection, no crash", async () => {
    await using database = open();
    const loads = async ({ tx, send }: Transaction) => {
      const [[row]] = await send([tx<{ pid: number }[]>`select pg_backend_pid() as pid`]);
      await admin`select pg_terminate_backend(${row?.pid ?? 0}, 1000)`;
      await waitUntil("the connection is closed", () => isRefused(() => tx`select 1`), { timeoutMs: 30_000 });
      const load = async () => await tx`select 1`;
      await send([load()]);
    };
    let loading: Promise<void> | undefined;
    await expectCode(
      database.transaction((transaction) => (loading = loads(transaction))),
      "DATABASE_UNAVAILABLE",
    );
    // The transaction fails with its connection; the work goes on until it needs that.
    expect(await failure(loading ?? Promise.resolve())).toMatchObject({ code: "DATABASE_UNAVAILABLE" });
  });

  test("while a store awaits a statement that is queued behind another: rejected, not left pending", async () => {
    await using proxy = await startProxy();
    await using database = open({ url: through(proxy) });
    const work = database.transaction(async ({ tx, finish }) => {
      setTimeout(() => proxy.cut(), 8);
      const first = tx`select ${"first"}::text`.catch(() => undefined);
      await tx`select ${"second"}::text as other`;
      await first;
      await finish([]);
    });
    await expectCode(work, "DATABASE_UNAVAILABLE");
  });

  test("while statements are queued behind one that is being prepared: all settle", async () => {
    await using proxy = await startProxy();
    await using database = open({ url: through(proxy) });
    const work = database.transaction(async ({ tx, send, finish }) => {
      const sent = send([1, 2, 3, 4].map((id) => tx`insert into item values (${id}, ${proxy.roundTrips})`));
      setTimeout(() => proxy.cut(), 8);
      await sent;
      await finish([]);
    });
    await expectCode(work, "DATABASE_UNAVAILABLE");
    expect(await ids()).toEqual([]);
  });

  test("during the commit: unavailable, and its outcome is known only later", async () => {
    await using proxy = await startProxy();
    await using database = open({ url: through(proxy) });
    await insert(database, 1);
    const work = database.transaction(async ({ tx, finish }) => {
      const finished = finish([tx`insert into item values (${2}, ${1})`]);
      setTimeout(() => proxy.cut(), 7);
      await finished;
    });
    await expectCode(work, "DATABASE_UNAVAILABLE");
    await insert(database, 3);
    expect(await ids()).toContain(3);
  });

  test("by going silent: fails after the round-trip timeout", async () => {
    await using proxy = await startProxy();
    await using database = open({ url: through(proxy), timeouts: { roundTripMs: 1_000, connectMs: 1_000 } });
    await insertSoon(database, 1);
    proxy.stall();
    const error = await expectCode(insert(database, 2), "DATABASE_UNAVAILABLE");
    expect(error.message).toContain("1000 ms");
    await expectCode(insert(database, 2), "DATABASE_UNAVAILABLE");
    proxy.resume();
    await insertSoon(database, 3);
    expect(await ids()).toContain(3);
  });

  // A server that is killed before it has read what was sent to it resets the connection.
  test.each(["cut", "reset"] as const)(
    "at any moment while it is made (%s): unavailable or committed, and no crash",
    async (ending) => {
      const cuts = Array.from({ length: 40 }, (_, index) => 100 + 100 * index);
      for (const [id, bytes] of cuts.entries()) {
        await using proxy = await startProxy();
        await using database = open({ url: through(proxy) });
        proxy.cutAfter(bytes, ending);
        const write = async () => {
          if (id % 2 === 0) await insert(database, id, 0);
          else await database.sql`insert into item values (${id}, 0)`;
        };
        await write().catch((error: unknown) => expect(database.faultOf(error)).toBe("unavailable"));
      }
      await using database = open();
      await database.transaction(({ tx, finish }) => finish([tx`insert into item values (1000, 0)`]));
      expect(await ids()).toContain(1_000);
    },
  );

  test("from the start: unavailable", async () => {
    const proxy = await startProxy();
    await proxy[Symbol.asyncDispose]();
    await using database = open({ url: through(proxy) });
    await expectCode(insert(database, 1), "DATABASE_UNAVAILABLE");
    expect(database.faultOf(await failure(database.ready()))).toBe("unavailable");
  });
});

describe("nothing is written outside a transaction", () => {
  test("a statement that outlives its transaction is refused by the server", async () => {
    await using database = open();
    const late = await database.transaction(async ({ tx, finish }) => {
      await finish([]);
      return failure(tx`insert into item values (${1}, 1)`.execute());
    });
    expect(sqlState(late)).toBe("25006");
    expect(await ids()).toEqual([]);
  });

  test("a statement that the driver repeats after commit, because a table has changed, writes nothing", async () => {
    await using database = open();
    const insertReturning = (id: number) =>
      database.transaction(async ({ tx, send, finish }) => {
        await send([tx`select 1`]);
        await finish([tx`insert into item (id, amount) values (${id}, 1) returning *`]);
      });
    await insertReturning(1);
    await admin.unsafe(`alter table ${SCHEMA}.item add column note text`);
    await failure(insertReturning(2));
    await insert(database, 3);
    expect(await ids()).toEqual([1, 3]);
    await insertReturning(4);
    expect(await ids()).toEqual([1, 3, 4]);
  });
});

test("closing waits for the running transaction and refuses the next", async () => {
  const database = open();
  const running = database.transaction(async ({ tx, send, finish }) => {
    await send([tx`select pg_sleep(0.1)`]);
    await finish([tx`insert into item values (${1}, 1)`]);
  });
  const closed = database[Symbol.asyncDispose]();
  await expectCode(insert(database, 2), "DATABASE_UNAVAILABLE");
  await Promise.all([running, closed]);
  expect(await ids()).toEqual([1]);
});

test("a kept plan that was made on an empty table uses the key's index", async () => {
  await using database = open();
  const plan = await database.transaction(async ({ tx, send, finish }) => {
    const explain = tx<{ "QUERY PLAN": string }[]>`
      explain update item set amount = change.amount
                from json_to_recordset('[]') as change (id int, amount bigint) where item.id = change.id`;
    const [rows] = await send([explain]);
    await finish([]);
    return rows.map((row) => row["QUERY PLAN"]).join("\n");
  });
  expect(plan).toContain("Index Scan using item_pkey");
  expect(plan).not.toContain("Seq Scan");
});
