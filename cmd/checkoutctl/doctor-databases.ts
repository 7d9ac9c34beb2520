// The checks of `checkoutctl doctor` that ask the databases. If a database does not answer, the first check says so, and the others of
// this database are not checked.
import { existsSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { hostname } from "node:os";
import type { Sql } from "postgres";
import { AppError } from "../../internal/kernel/errors.ts";
import { timestampOf } from "../../internal/kernel/timestamp.ts";
import { INBOX_RETENTION_MS, OUTBOX_RETENTION_MS } from "../../internal/messaging/retention.ts";
import { clockOf } from "../../internal/operations/clock-store.ts";
import type { Check } from "../../internal/operations/doctor.ts";
import {
  databaseBytes,
  dataDirectory,
  partitionDays,
  replicationFacts,
  serverFacts,
} from "../../internal/operations/doctor-store.ts";
import { judgeHosts, judgeReplication } from "../../internal/operations/doctor-replication.ts";
import {
  type DiskFacts,
  finding,
  judgeClock,
  judgeDisk,
  judgeMigrations,
  judgePartitions,
  judgePostgres,
} from "../../internal/operations/doctor-verdicts.ts";
import { systemClock } from "../../internal/platform/clock.ts";
import { hostsOf, placeOf } from "../../internal/platform/postgres-address.ts";
import { askHosts } from "../../internal/platform/postgres-hosts.ts";
import { sameHost } from "../../internal/platform/server-place.ts";
import { pendingMigrations } from "../../internal/platform/migrate.ts";
import type { Finding } from "../../schemas/doctor.ts";
import { MIGRATED_DATABASES, type MigratedDatabase, migrations } from "../../schemas/migrations.ts";
import { DATABASE_SETTING } from "./connections.ts";
import { CONNECT_TIMEOUT_MS, type OpenSources } from "./overview-sources.ts";
import type { Settings } from "./settings.ts";

const DAY_MS = 86_400_000;

/** For the databases whose address is set. */
export function databaseChecks(settings: Settings, open: OpenSources): readonly Check[] {
  return MIGRATED_DATABASES.flatMap((name) => {
    const url = settings.optional(DATABASE_SETTING[name]);
    return url === undefined ? [] : checksOf(name, url, open);
  });
}

function checksOf(name: MigratedDatabase, url: string, open: OpenSources): readonly Check[] {
  const { sql } = open.database(name);
  const server = serverFacts(sql).catch((cause: unknown) => {
    throw new AppError("DATABASE_UNAVAILABLE", `the ${name} database does not answer at ${placeOf(url)}`, {
      cause,
    });
  });
  // It is awaited below, but perhaps only after it failed.
  server.catch(() => undefined);
  const check = (what: string, run: Check["run"]): Check => ({
    check: what,
    subject: name,
    async run() {
      await server;
      return run();
    },
  });
  return [
    {
      check: "postgres",
      subject: name,
      run: async () => judgePostgres(name, await server),
      whenAway: { verdict: "problem", todo: `start it, or correct ${DATABASE_SETTING[name]}` },
    },
    ...(hostsOf(url).length > 1
      ? [
          {
            check: "hosts",
            subject: name,
            run: async () => [judgeHosts(name, await askHosts(url, CONNECT_TIMEOUT_MS))],
          },
        ]
      : []),
    check("replication", async () => [judgeReplication(name, await replicationFacts(sql))]),
    check("clock", async () => [judgeClock(name, await clockReading(() => clockOf(sql)))]),
    check("migrations", async () => [await migrationFinding(name, sql)]),
    ...(name === "notification"
      ? []
      : [check("partitions", async () => judgePartitions(name, await partitionFacts(sql)))]),
    check("disk", async () => [judgeDisk(name, await databaseBytes(sql), await diskOf(sql, url))]),
  ];
}

/** A database of another service, or a migration that was changed after it was applied, is a problem. */
async function migrationFinding(name: MigratedDatabase, sql: Sql): Promise<Finding> {
  try {
    return judgeMigrations(name, await pendingMigrations(sql, migrations[name], name));
  } catch (error) {
    if (!(error instanceof AppError && error.code === "MIGRATION_FAILED")) throw error;
    return finding("migrations", name, {
      verdict: "problem",
      says: error.message,
      todo: `correct ${DATABASE_SETTING[name]}, or use the checkoutctl of the release that runs`,
    });
  }
}

export async function clockReading(ask: () => Promise<number>) {
  const askedAt = systemClock.now();
  const serverAt = await ask();
  return { askedAt, serverAt, answeredAt: systemClock.now() };
}

async function partitionFacts(sql: Sql) {
  const now = systemClock.now();
  return {
    outbox: await partitionDays(sql, "outbox"),
    inbox: await partitionDays(sql, "inbox"),
    today: dayOf(now),
    tomorrow: dayOf(now + DAY_MS),
    keptFrom: { outbox: dayOf(now - OUTBOX_RETENTION_MS), inbox: dayOf(now - INBOX_RETENTION_MS) },
  };
}

/** YYYYMMDD, in UTC. */
function dayOf(epochMs: number): string {
  return timestampOf(epochMs).slice(0, 10).replaceAll("-", "");
}

/** The disk of the data directory, if the server runs on this machine. */
async function diskOf(sql: Sql, url: string): Promise<DiskFacts | { readonly why: string }> {
  const here = new Set(["127.0.0.1", "::1", hostname()].map(sameHost));
  if (!hostsOf(url).every(({ host }) => here.has(sameHost(host))))
    return { why: "the server runs on another machine" };
  const path = await dataDirectory(sql);
  if (path === null) return { why: "this user may not know the data directory (pg_read_all_settings)" };
  if (!existsSync(path)) return { why: `the data directory ${path} cannot be seen from here` };
  const { bavail, blocks, bsize } = await statfs(path);
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize, path };
}
