// A Postgres of the stack with a synchronous standby. Either of the two may be the primary; the other one follows it. A server that starts
// beside a primary becomes its standby, with a new copy of its data. So a server whose data are gone, or that was replaced, only has to be
// started again. Called by plan.ts.
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import postgres, { type Sql } from "postgres";
import { copyRunning, untilCommitsWait, writeOwned } from "../../faults/failover.ts";
import type { Definition } from "../managed.ts";
import { waitUntil } from "../wait.ts";
import { postgresData, type PostgresOptions, postgresServer } from "./postgres.ts";

const TIMEOUT_MS = 60_000;
const CONNECT_SECONDS = 2;
/** How much of the write-ahead log is kept for a standby that stands still for a while. */
const KEPT_LOG = "256MB";

interface Member {
  readonly definition: Definition;
  readonly data: string;
}

/** The name of the second server, and of its data directory. */
export function standbyOf(name: string): string {
  return `${name}-standby`;
}

/** In the order in which they start on empty data: the second becomes the standby of the first. */
export function postgresPair(
  options: PostgresOptions,
  standby: { readonly port: number; readonly logFile: string },
) {
  const second = {
    ...options,
    ...standby,
    name: standbyOf(options.name),
    dataDirectory: standbyOf(options.dataDirectory),
  };
  const [one, other] = [memberOf(options), memberOf(second)] as const;
  return [paired(one, other, true), paired(other, one, false)] as const;
}

function memberOf(options: PostgresOptions): Member {
  return { definition: postgresServer(options), data: postgresData(options.dataDirectory) };
}

function paired({ definition, data }: Member, other: Member, isFirst: boolean): Definition {
  return {
    ...definition,
    readyTimeoutMs: TIMEOUT_MS,
    async prepare() {
      if (await hasToFollow(data, other, isFirst)) await copyOf(other, { definition, data });
      await definition.prepare?.();
    },
    async whenReady() {
      if (isStandby(data)) await makeSynchronous(other, definition);
      else await definition.whenReady?.();
    },
  };
}

const hasData = (data: string) => existsSync(join(data, "PG_VERSION"));
const isStandby = (data: string) => existsSync(join(data, "standby.signal"));

/** Whether this server needs a new copy of the other one. Waits for the other one if it has the only data. */
async function hasToFollow(data: string, other: Member, isFirst: boolean): Promise<boolean> {
  if (await isPrimary(other)) return true;
  if (hasData(data)) {
    // Both of a stack that was stopped start at once; this one goes on as what it was.
    if (isStandby(data) || !hasData(other.data) || isStandby(other.data)) return false;
    throw new Error(
      `${data} and ${other.data} are both data of a primary: delete those that were replaced, and start this server again`,
    );
  }
  if (isFirst && !hasData(other.data)) return false;
  await waitUntil(`${other.definition.name} is a primary`, () => isPrimary(other), { timeoutMs: TIMEOUT_MS });
  return true;
}

async function copyOf(primary: Member, { definition, data }: Member): Promise<void> {
  rmSync(data, { recursive: true, force: true });
  const unfinished = `${data}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  await connected(primary, (sql) => copyRunning(sql, primary.data, unfinished));
  const { password } = new URL(primary.definition.address);
  // Of a stack with `--secure`. Beside the settings in the data directory, libpq would look into the home of whoever started the stack.
  const secret =
    password === "" ? "" : ` password=${password} sslmode=verify-full sslrootcert=ca.crt sslcert=none`;
  const name = definition.name.replaceAll("-", "_");
  const address = `host=127.0.0.1 port=${primary.definition.ports["postgres"]} user=checkout application_name=${name}${secret}`;
  // Not the settings of the primary: with them, it would wait for a standby of its own as soon as it is promoted.
  writeOwned(
    join(unfinished, "postgresql.auto.conf"),
    `primary_conninfo = '${address}'\nwal_retrieve_retry_interval = 100ms\nwal_keep_size = ${KEPT_LOG}\n`,
  );
  writeOwned(join(unfinished, "standby.signal"), "");
  await Bun.$`mv ${unfinished} ${data}`.quiet();
}

/** From here on every acknowledged write is also on the standby. */
async function makeSynchronous(primary: Member, standby: Definition): Promise<void> {
  await waitUntil(`${standby.name} is synchronous`, () => connected(primary, isSynchronous), {
    timeoutMs: TIMEOUT_MS,
  });
  await untilCommitsWait(primary.definition.address, standby.address);
}

async function isSynchronous(sql: Sql): Promise<boolean> {
  const [row] = await sql<{ names: string; count: number }[]>`
    select current_setting('synchronous_standby_names') as names,
           (select count(*)::int from pg_stat_replication where sync_state = 'sync') as count`;
  if (row?.names === "") {
    await sql`alter system set wal_keep_size = ${sql.unsafe(`'${KEPT_LOG}'`)}`;
    await sql`alter system set synchronous_standby_names = '*'`;
    await sql`select pg_reload_conf()`;
  }
  return row?.names !== "" && row?.count === 1;
}

async function isPrimary(member: Member): Promise<boolean> {
  try {
    return await connected(
      member,
      async (sql) => (await sql`select 1 where not pg_is_in_recovery()`).length === 1,
    );
  } catch {
    return false;
  }
}

async function connected<T>({ definition }: Member, use: (sql: Sql) => Promise<T>): Promise<T> {
  const sql = postgres(definition.address, { max: 1, connect_timeout: CONNECT_SECONDS, onnotice: () => {} });
  try {
    return await use(sql);
  } finally {
    await sql.end({ timeout: 1 });
  }
}
