// One address with several hosts, on a real primary and its standby: the primary is found in any order and beside hosts that do not answer; it
// is lost with its disk while everybody writes; it vanishes without a goodbye, and comes back when another one has taken its place.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { TcpProxy } from "../faults/tcp-proxy.ts";
import { waitUntil } from "../stack/wait.ts";
import { addressOf, ReplicatedPostgres } from "../testkit/replicated-postgres.ts";
import { openPostgres, type Postgres } from "./postgres.ts";

/** Generous: a busy machine may need some seconds. The measured time is printed. */
const FOUND_WITHIN_MS = 15_000;
const WRITERS = 4;
const ROUNDS = 50;
const TEST_TIMEOUT_MS = 60_000;

const open = (url: string, more: { acceptsStandby?: boolean; connectMs?: number } = {}) => {
  const { connectMs = 5_000, ...options } = more;
  return openPostgres({
    url,
    poolSize: 4,
    applicationName: "hosts-test",
    timeouts: { connectMs },
    ...options,
  });
};
const portOf = ({ ports }: { readonly ports: Readonly<Record<string, number>> }) => ({
  port: ports["postgres"] ?? 0,
});

let lastId = 0;
const write = (database: Postgres, id: number = ++lastId) =>
  database.transaction(async ({ tx, send, finish }) => {
    await send([tx`select 1 from item where id = ${1} for update`]);
    await finish([tx`insert into item values (${id})`]);
  });
const writeAlone = async (database: Postgres, id: number) => {
  await database.sql`insert into item values (${id})`;
};

async function failure(work: PromiseLike<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (error instanceof Error) return error.message;
  }
  throw new Error("expected a failure");
}

const works = async (database: Postgres) => {
  await write(database);
  await writeAlone(database, ++lastId);
  await database.ready();
  return true;
};

/** Sends NOTIFY until the listener receives one. A connection of the pool to a killed server fails once, as for the writers. */
async function hears(database: Postgres, count: () => number): Promise<void> {
  const isHeard = async () => {
    const before = count();
    try {
      await database.sql`notify hosts_test`;
    } catch (error) {
      if (database.faultOf(error) !== "unavailable") throw error;
    }
    await Bun.sleep(20);
    return count() > before;
  };
  await waitUntil("the listener is woken", isHeard, { timeoutMs: FOUND_WITHIN_MS });
}

/** Writes all the time, and remembers what was acknowledged and when. */
class Writers {
  readonly acknowledged: { readonly id: number; readonly begunAt: number; readonly at: number }[] = [];
  /** Faults other than that the database is away. */
  readonly wrong: string[] = [];
  readonly #database: Postgres;
  readonly #running: Promise<unknown>;
  #isStopped = false;

  constructor(database: Postgres) {
    this.#database = database;
    this.#running = Promise.all(Array.from({ length: WRITERS }, (_, index) => this.#run(index)));
  }

  async #run(index: number): Promise<void> {
    while (!this.#isStopped) {
      const [id, begunAt] = [++lastId, performance.now()];
      try {
        await (index % 2 === 0 ? write : writeAlone)(this.#database, id);
        this.acknowledged.push({ id, begunAt, at: performance.now() });
      } catch (error) {
        const fault = this.#database.faultOf(error);
        if (fault !== "unavailable") this.wrong.push(`${fault}: ${String(error)}`);
        await Bun.sleep(20);
      }
    }
  }

  begunAfter(time: number) {
    return this.acknowledged.filter(({ begunAt }) => begunAt > time);
  }

  /** Connections of a killed server may still be served for a moment, so the first write after the kill says nothing. */
  longestPause(from: number): number {
    const times = [from, ...this.acknowledged.map(({ at }) => at).filter((at) => at > from)];
    return Math.max(...times.slice(1).map((at, index) => at - (times[index] ?? at)));
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }
}

test(
  "the primary is killed and its disk deleted while everybody writes: nothing acknowledged is lost, and writing goes on",
  async () => {
    await using servers = await ReplicatedPostgres.start();
    await servers.onPrimary`create table item (id int primary key)`;
    await servers.makeSynchronous();
    await using database = open(addressOf(portOf(servers.primary), portOf(servers.standby)));
    let woken = 0;
    await database.listen("hosts_test", () => (woken += 1));
    await hears(database, () => woken);
    const writers = new Writers(database);
    const enough = (count: () => number) => async () => count() >= ROUNDS;
    await waitUntil(
      "writing works",
      enough(() => writers.acknowledged.length),
      { timeoutMs: FOUND_WITHIN_MS },
    );
    // when
    const killedAt = performance.now();
    await servers.losePrimary();
    await servers.promote();
    const promotedAt = performance.now();
    // then
    await waitUntil(
      "writing goes on",
      enough(() => writers.begunAfter(promotedAt).length),
      {
        timeoutMs: FOUND_WITHIN_MS,
      },
    );
    await hears(database, () => woken);
    await writers.stop();
    console.log(
      `  from the kill: standby promoted after ${Math.round(promotedAt - killedAt)} ms; longest time without an acknowledged write ${Math.round(writers.longestPause(killedAt))} ms`,
    );
    expect(writers.wrong).toEqual([]);
    const rows = await servers.onStandby<{ id: number }[]>`select id from item`;
    const kept = new Set(rows.map(({ id }) => id));
    expect(writers.acknowledged.filter(({ id }) => !kept.has(id))).toEqual([]);
    expect(await works(database)).toBe(true);
  },
  TEST_TIMEOUT_MS,
);

describe("a primary and its standby", () => {
  let servers: ReplicatedPostgres;
  let toPrimary: TcpProxy;
  let silent: TcpProxy;
  let standby: { readonly port: number };
  beforeAll(async () => {
    servers = await ReplicatedPostgres.start();
    standby = portOf(servers.standby);
    toPrimary = await TcpProxy.start({ host: "127.0.0.1", ...portOf(servers.primary) });
    silent = await TcpProxy.start({ host: "127.0.0.1", ...standby });
    silent.stall();
    await servers.onPrimary`create table item (id int primary key)`;
    await servers.replayed();
  });
  afterAll(async () => {
    await toPrimary[Symbol.asyncDispose]();
    await silent[Symbol.asyncDispose]();
    await servers[Symbol.asyncDispose]();
  });

  test("the order of the hosts does not matter", async () => {
    for (const url of [addressOf(toPrimary, standby), addressOf(standby, toPrimary)]) {
      await using database = open(url);
      expect(await works(database)).toBe(true);
    }
  });

  test(
    "a first host that accepts connections and never answers holds up nobody",
    async () => {
      // Whoever waited for it would wait longer than the test.
      await using database = open(addressOf(silent, toPrimary), { connectMs: TEST_TIMEOUT_MS });
      expect(await works(database)).toBe(true);
    },
    TEST_TIMEOUT_MS,
  );

  test("without a primary the error and /readyz say of each host what it is; a tool may read", async () => {
    const nobody = { port: 9 };
    const url = addressOf(standby, nobody);
    await using database = open(url);
    const uses = [() => write(database), () => writeAlone(database, ++lastId), () => database.ready()];
    for (const use of uses) {
      const why = await failure(use());
      expect(why).toContain(`127.0.0.1:${standby.port} is a standby, which cannot write`);
      expect(why).toContain("127.0.0.1:9 does not answer");
    }
    await using tool = open(url, { acceptsStandby: true });
    expect(await tool.sql`select pg_is_in_recovery() as standby`).toMatchObject([{ standby: true }]);
    expect(await failure(write(tool))).toContain("is a standby");
  });

  test("a connection that is refused leaves its place in the pool", async () => {
    await using database = open(addressOf(standby, { port: 9 }));
    for (let round = 0; round < 10; round++)
      expect(await failure(writeAlone(database, ++lastId))).toContain("no host is the primary");
  });

  test(
    "a primary that vanishes without a goodbye is left for the one that is promoted, and not used when it is back",
    async () => {
      await using database = open(addressOf(toPrimary, standby));
      let woken = 0;
      await database.listen("hosts_test", () => (woken += 1));
      expect(await works(database)).toBe(true);
      await servers.replayed();
      // when its network is gone: connections stay open, and nobody answers
      toPrimary.stall();
      const lost = [failure(write(database)), failure(writeAlone(database, ++lastId))];
      await servers.promote();
      // then
      for (const why of await Promise.all(lost))
        expect(why).toMatch(/another host is the primary|lost|CLOSED/);
      await waitUntil("all works again", () => works(database), { timeoutMs: FOUND_WITHIN_MS });
      await hears(database, () => woken);
      // when it comes back, still believing that it is the primary
      toPrimary.resume();
      await waitUntil(
        "it takes writes",
        async () => (await servers.onPrimary`insert into item values (0)`).count === 1,
        {
          timeoutMs: FOUND_WITHIN_MS,
        },
      );
      // then nobody goes there: neither whoever knows the new one, nor whoever comes now
      await using later = open(addressOf(toPrimary, standby));
      for (const one of [database, later]) {
        expect(await works(one)).toBe(true);
        expect((await one.sql`select 1 from item where id = 0`).length).toBe(0);
      }
      // nor when the new one is away
      await servers.standby.stop();
      const why = await failure(write(database));
      expect(why).toContain("primary of timeline 1, which was replaced");
    },
    TEST_TIMEOUT_MS,
  );
});

test(
  "of two standbys that were promoted to the same timeline, nobody is used while both answer, and no role goes from one to the other",
  async () => {
    await using one = await ReplicatedPostgres.start();
    await using two = await ReplicatedPostgres.start();
    for (const servers of [one, two]) {
      await servers.onPrimary`create table item (id int primary key)`;
      await servers.replayed();
      await servers.promote();
    }
    await using toTwo = await TcpProxy.start({ host: "127.0.0.1", ...portOf(two.standby) });
    const url = addressOf(portOf(one.standby), toTwo);
    await using undecided = open(url);
    expect(await failure(write(undecided))).toContain("are both primaries of timeline 2");
    // when only the first answers
    toTwo.stall();
    await using database = open(url);
    expect(await works(database)).toBe(true);
    // and then only the second
    await one.standby.stop();
    toTwo.resume();
    // then
    const why = await failure(write(database));
    expect(why).toContain(`127.0.0.1:${toTwo.port} is a primary of timeline 2`);
    expect(why).toContain("which this role has used");
    await using restarted = open(url);
    expect(await works(restarted)).toBe(true);
  },
  TEST_TIMEOUT_MS,
);
