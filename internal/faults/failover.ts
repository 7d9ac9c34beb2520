// A real Postgres failover. It makes a streaming standby of a running server, synchronous or cut off for a while, and kills the server. The
// standby takes the address of the server, answers only reads for a while, and is promoted. It also takes over the data directory, so that
// the stack and every later fault see it as the server it replaced. Used by the chaos runs and the outage tests.
import {
  appendFileSync,
  chownSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import postgres, { type Sql } from "postgres";

const TIMEOUT_MS = 60_000;
const POLL_MS = 50;
const STANDBY = "chaos_standby";
/** Files that belong to the server from which a data directory is copied. */
const NOT_COPIED = ["postmaster.pid", "postmaster.opts", "pg_wal/*", "pg_replslot/*", "pg_dynshmem/*"];

/** The part of the stack that a failover needs. */
export interface Holder {
  /** The process of that name and all its descendants, verified to be ours. */
  proven(name: string): readonly number[];
  /** Kills it and keeps it down until `release`. */
  hold(name: string): void;
  release(name: string): void;
  /** Names of processes that are not running. */
  ended(): readonly string[];
}

/**
 * Resolves when the standby answers at the address of `server`; `url` is that of its superuser. Without `whileCut` the standby is synchronous and
 * has every acknowledged write. With it the standby is asynchronous: it gets nothing any more before `whileCut` is called, and the server is
 * killed when that resolves. What was written meanwhile is lost.
 */
export async function failOver(
  target: Holder,
  server: string,
  url: string,
  whileCut?: () => Promise<unknown>,
): Promise<void> {
  const [pid] = target.proven(server);
  const data = dataDirectoryOf(pid);
  const copy = `${data}.standby`;
  await using held = new AsyncDisposableStack();
  const primary = held.adopt(connect(url), (sql) => sql.end({ timeout: 1 }));
  rmSync(copy, { recursive: true, force: true });
  await copyRunning(primary, data, copy);

  // Beside the primary the standby has its own port; later it takes the port of the primary.
  const port = await freePort();
  follow(copy, new URL(url));
  const standby = startBeside(pid, data, copy, port);
  held.defer(async () => {
    standby.kill("SIGINT");
    await standby.exited;
  });
  if (whileCut === undefined) await makeSynchronous(primary, url, port);
  else {
    await until("the standby follows", () => isFollowing(primary));
    await cutOff(url, port);
    await whileCut();
  }

  target.hold(server);
  await until(`${server} has ended`, () => target.ended().includes(server));
  await held.disposeAsync();
  writeOwned(join(copy, "postgresql.auto.conf"), "");
  rmSync(data, { recursive: true });
  renameSync(copy, data);
  target.release(server);
  await until("the standby answers in its place", () => isStandby(url));
  rmSync(`${copy}.log`, { force: true });
}

/** From here on every acknowledged write is also on the standby, which listens on `port`. */
async function makeSynchronous(primary: Sql, url: string, port: number): Promise<void> {
  await primary`alter system set synchronous_standby_names = ${primary.unsafe(STANDBY)}`;
  await primary`select pg_reload_conf()`;
  await until("the standby is synchronous", async () => {
    const rows = await primary`
      select 1 from pg_stat_replication where application_name = ${STANDBY} and sync_state = 'sync'`;
    return rows.length > 0;
  });
  const standby = new URL(url);
  standby.port = String(port);
  await untilCommitsWait(url, standby.href);
}

/**
 * Resolves when commits on the primary wait for its synchronous standby. `pg_stat_replication` calls a standby `sync` as soon as its sender has
 * read the setting; commits wait only when the checkpointer has, too (findings/postgres-standby-is-sync-before-commits-wait.sh). A commit
 * that asks to be applied has to wait while the standby applies nothing, which holds up no other commit. Both URLs are those of a superuser.
 */
export async function untilCommitsWait(primary: string, standby: string): Promise<void> {
  await using held = new AsyncDisposableStack();
  const open = (url: string) => held.adopt(connect(url), (sql) => sql.end({ timeout: 1 }));
  const [probe, watch, replica] = [open(primary), open(primary), open(standby)];
  const resume = () => replica`select pg_wal_replay_resume()`;
  await probe`set synchronous_commit = remote_apply`;
  await until("the standby applies nothing", async () => {
    await replica`select pg_wal_replay_pause()`;
    const [row] = await replica<{ state: string }[]>`select pg_get_wal_replay_pause_state() as state`;
    return row?.state === "paused";
  });
  held.defer(async () => void (await resume()));
  const [backend] = await probe<{ pid: number }[]>`select pg_backend_pid() as pid`;
  await until("commits wait for the standby", async () => {
    let isOver = false;
    const commit = probe`select pg_logical_emit_message(true, 'probe', '')`.then(() => (isOver = true));
    const isWaiting = async () => {
      const rows = await watch`
        select 1 from pg_stat_activity where pid = ${backend?.pid ?? null} and wait_event = 'SyncRep'`;
      return rows.length > 0;
    };
    await until("a commit is over or waits", async () => isOver || (await isWaiting()));
    if (isOver) return false;
    await resume();
    await commit;
    return true;
  });
}

async function isFollowing(primary: Sql): Promise<boolean> {
  const rows = await primary`
    select 1 from pg_stat_replication
     where application_name = ${STANDBY} and state = 'streaming' and replay_lsn is not null`;
  return rows.length > 0;
}

/** Ends its stream from the primary. It answers reads as before. */
async function cutOff(url: string, port: number): Promise<void> {
  const address = new URL(url);
  address.port = String(port);
  await using held = new AsyncDisposableStack();
  const standby = held.adopt(connect(address.href), (sql) => sql.end({ timeout: 1 }));
  await until("the standby takes settings", async () => {
    await standby`alter system set primary_conninfo = ''`;
    await standby`select pg_reload_conf()`;
    return true;
  });
  await until("the standby gets nothing any more", async () => {
    const rows = await standby`select 1 from pg_stat_wal_receiver`;
    return rows.length === 0;
  });
}

/** Promotes the standby at that address to primary. */
export async function promote(url: string): Promise<void> {
  await using held = new AsyncDisposableStack();
  const sql = held.adopt(connect(url), (client) => client.end({ timeout: 1 }));
  await sql`select pg_promote(true, ${TIMEOUT_MS / 1_000}::int)`;
}

/** A base backup, as `pg_basebackup` takes it. The connection has to live from its start to its end. */
export async function copyRunning(primary: Sql, data: string, copy: string): Promise<void> {
  const connection = await primary.reserve();
  try {
    await connection`select pg_backup_start('chaos', true)`;
    mkdirSync(copy, { mode: 0o700 });
    const without = NOT_COPIED.map((name) => `--exclude=./${name}`);
    // Files change meanwhile. Replaying the log repairs what is missing or torn in the copy.
    await Bun.$`tar -C ${data} ${without} -cf - . | tar -C ${copy} -xpf -`.quiet().nothrow();
    const [backup] = await connection<{ labelfile: string }[]>`select labelfile from pg_backup_stop(false)`;
    const { uid, gid } = statSync(data);
    chownSync(copy, uid, gid);
    writeOwned(join(copy, "backup_label"), backup?.labelfile ?? "");
  } finally {
    connection.release();
  }
}

function follow(data: string, { port, password, searchParams }: URL): void {
  writeOwned(join(data, "standby.signal"), "");
  // Of a stack with `--secure`. Without the name of a file, which need not be there, libpq looks for a certificate in the home of the user who started
  // this process, and gives up if that is closed to the server's own user.
  const encrypted = ` password=${password} sslmode=${searchParams.get("sslmode")} sslcert=${data}/no-client.crt`;
  const secret = password === "" ? "" : encrypted;
  const address = `host=127.0.0.1 port=${port} user=checkout application_name=${STANDBY}${secret}`;
  appendFileSync(join(data, "postgresql.auto.conf"), `primary_conninfo = '${address}'\n`);
}

/** Starts the same program with the settings of the running server, tied to this process. */
function startBeside(pid: number | undefined, data: string, copy: string, port: number) {
  const words = readFileSync(`/proc/${pid}/cmdline`, "utf8")
    .split("\0")
    .filter((word) => word !== "");
  const { uid, gid } = statSync(data);
  const identity = process.getuid?.() === 0 ? [`--reuid=${uid}`, `--regid=${gid}`, "--clear-groups"] : [];
  const command = words.map((word) => (word === data ? copy : word.replace(/^port=\d+$/, `port=${port}`)));
  return Bun.spawn(["setpriv", ...identity, "--pdeathsig", "QUIT", "--", ...command], {
    cwd: "/",
    stdio: ["ignore", "ignore", Bun.file(`${copy}.log`)],
  });
}

/** Writes a file of Postgres, which belongs to the owner of its directory. */
export function writeOwned(file: string, text: string): void {
  writeFileSync(file, text, { mode: 0o600 });
  const { uid, gid } = statSync(join(file, ".."));
  chownSync(file, uid, gid);
}

/** Whether the server at that address is in recovery, so that it cannot write. */
export async function isStandby(url: string): Promise<boolean> {
  await using held = new AsyncDisposableStack();
  const sql = held.adopt(connect(url), (client) => client.end({ timeout: 1 }));
  const [row] = await sql<{ standby: boolean }[]>`select pg_is_in_recovery() as standby`;
  return row?.standby === true;
}

function connect(url: string): Sql {
  return postgres(url, { max: 1, connect_timeout: 5, onnotice: () => {} });
}

/** If another process takes the port before the standby does, the run fails, not the system. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/** Probes until it is true; an error counts as "not yet". Throws after TIMEOUT_MS, with the last error as the cause. */
export async function until(what: string, probe: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = Date.now() + TIMEOUT_MS;
  let reason: unknown;
  for (;;) {
    try {
      if (await probe()) return;
    } catch (error) {
      reason = error;
    }
    if (Date.now() > deadline)
      throw new Error(`timed out after ${TIMEOUT_MS} ms waiting until ${what}`, { cause: reason });
    await Bun.sleep(POLL_MS);
  }
}

/** `postgres -D PATH ...` */
export function dataDirectoryOf(pid: number | undefined): string {
  const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
  const path = words[words.indexOf("-D") + 1];
  if (path === undefined || !path.startsWith("/"))
    throw new Error(`process ${pid} is not a Postgres server with a data directory`);
  return path;
}
