// A failover as a role sees it: one address points to a primary, then to a read-only standby, then to a primary again. Every
// connection must find the new primary by itself, also if connections to the standby stay open.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { TcpProxy } from "../faults/tcp-proxy.ts";
import { ReplicatedPostgres } from "../testkit/replicated-postgres.ts";
import { waitUntil } from "../stack/wait.ts";
import { openPostgres, type Postgres } from "./postgres.ts";

const HEALED_WITHIN_MS = 10_000;

let servers: ReplicatedPostgres;
let leadsTo: "primary" | "standby" = "primary";
let front: TcpProxy;
beforeAll(async () => {
  servers = await ReplicatedPostgres.start();
  await servers.onPrimary`create table item (id int primary key)`;
  await servers.replayed();
  front = await TcpProxy.start(() => ({
    host: "127.0.0.1",
    port: servers[leadsTo].ports["postgres"] ?? 0,
  }));
});
afterAll(async () => {
  await front[Symbol.asyncDispose]();
  await servers[Symbol.asyncDispose]();
});

const open = () =>
  openPostgres({
    url: `postgres://checkout@127.0.0.1:${front.port}/test`,
    poolSize: 4,
    applicationName: "failover-test",
  });

/** Like a network switch: breaks connections to the old server; new ones go to the new server. */
function lead(to: typeof leadsTo): void {
  leadsTo = to;
  front.cut();
}

let lastId = 0;
const write = (database: Postgres) =>
  database.transaction(async ({ tx, send, finish }) => {
    await send([tx`select 1 from item where id = ${1} for update`]);
    await finish([tx`insert into item values (${++lastId})`]);
  });

const works = async (database: Postgres) => {
  await write(database);
  await database.ready();
  await database.sql`insert into item values (${++lastId})`;
  return true;
};

async function failure(work: PromiseLike<unknown>): Promise<Error> {
  try {
    await work;
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error("expected a failure");
}

async function expectsToWait(database: Postgres): Promise<void> {
  expect(database.faultOf(await failure(write(database)))).toBe("unavailable");
  const single = database.sql`insert into item values (${++lastId})`;
  expect(database.faultOf(await failure(single))).toBe("unavailable");
  const unready = await failure(database.ready());
  expect(unready.message).toContain("standby");
  expect(database.faultOf(unready)).toBe("unavailable");
}

/** Sends NOTIFY until the listener receives one. */
async function hears(count: () => number): Promise<void> {
  await waitUntil(
    "the listener is woken",
    async () => {
      const before = count();
      await servers[leadsTo === "primary" ? "onPrimary" : "onStandby"]`notify failover_test`;
      await Bun.sleep(20);
      return count() > before;
    },
    { timeoutMs: HEALED_WITHIN_MS },
  );
}

test("work waits while the address points to a standby, and continues on the next primary", async () => {
  await using database = open();
  let woken = 0;
  await database.listen("failover_test", () => (woken += 1));
  expect(await works(database)).toBe(true);

  lead("standby");
  await expectsToWait(database);
  // Open connections to the standby stay open: only the address changes.
  leadsTo = "primary";
  await waitUntil("all works again", () => works(database), { timeoutMs: HEALED_WITHIN_MS });
  await hears(() => woken);

  await servers.replayed();
  lead("standby");
  await expectsToWait(database);
  await servers.primary.stop();
  await servers.promote();
  await waitUntil("all works again", () => works(database), { timeoutMs: HEALED_WITHIN_MS });
  await hears(() => woken);
  const [row] = await servers.onStandby`select count(*) from item where id = ${lastId}`;
  expect(row?.["count"]).toBe("1");
});
