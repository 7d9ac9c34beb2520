// Brings a database's schema up to what this binary carries (schemas/migrations.ts): numbered files, forward only, each
// applied once and never edited afterwards. Safe to run from several processes at once and while the old version serves.
// Called by checkoutctl, by tests, and by roles to refuse work on a schema that is behind.
import { createHash } from "node:crypto";
import type { ReservedSql, Sql } from "postgres";
import { AppError } from "../kernel/errors.ts";
import { pause } from "../messaging/pause.ts";
import type { MigratedDatabase, Migration } from "../../schemas/migrations.ts";
import { isLockTimeout } from "./postgres-errors.ts";
import { hasTable, ownersOf, recordOwner, refuseForeign } from "./schema-owner-store.ts";

/** Held while migrating; any number works as long as every version of this program uses the same. */
const ADVISORY_LOCK = 7_283_045_519;
/**
 * Whoever wants a busy table waits behind a migration that waits for it, behind somebody's open transaction. So it gives way soon, lets
 * the others through, and tries again, for half a minute in all.
 */
const LOCK_TIMEOUT = "200ms";
const LOCK_ATTEMPTS = 25;
const LOCK_PAUSE_MS = 1_000;
/** Outside a transaction only statements run behind which nobody queues. */
const CONCURRENT_LOCK_TIMEOUT = "5s";
/** A file that starts with this line runs statement by statement outside a transaction (`create index concurrently`). */
const NO_TRANSACTION = "-- no-transaction";

/**
 * Applies what is missing, in order, and returns the names. Records `owner`, the service whose database this is, and refuses one
 * that is another's. Throws MIGRATION_FAILED; what was applied before stays.
 */
export async function migrate(
  sql: Sql,
  migrations: readonly Migration[],
  owner?: MigratedDatabase,
): Promise<readonly string[]> {
  const connection = await sql.reserve();
  try {
    // Another process may be migrating, and building an index on a large table takes what it takes.
    await connection.unsafe("set statement_timeout = 0; set lock_timeout = 0");
    await connection`select pg_advisory_lock(${ADVISORY_LOCK}::bigint)`;
    await connection.unsafe(`set lock_timeout = '${LOCK_TIMEOUT}'`);
    if (owner !== undefined) await recordOwner(connection, owner);
    await connection`
      create table if not exists schema_migrations (
        name text primary key,
        checksum text not null,
        applied_at timestamptz not null default now()
      )`;
    const pending = compare(migrations, await appliedMigrations(connection));
    for (const migration of pending) await apply(connection, migration);
    return pending.map((migration) => migration.name);
  } finally {
    // Outside a transaction the settings and the lock outlive an error; the connection goes back to the pool.
    await connection.unsafe("rollback; select pg_advisory_unlock_all(); reset all").catch(() => undefined);
    connection.release();
  }
}

/** What `migrate` would apply. Throws MIGRATION_FAILED where it would refuse. */
export async function pendingMigrations(
  sql: Sql,
  migrations: readonly Migration[],
  owner?: MigratedDatabase,
): Promise<readonly string[]> {
  if (owner !== undefined) refuseForeign(await ownersOf(sql), owner);
  return compare(migrations, await recordedMigrations(sql)).map((migration) => migration.name);
}

/** The names of those that have not been applied, whatever has become of the others since. */
export async function unapplied(sql: Sql, migrations: readonly Migration[]): Promise<readonly string[]> {
  const recorded = await recordedMigrations(sql);
  return migrations.map(({ name }) => name).filter((name) => !recorded.has(name));
}

/** By name, with their checksums; none where nothing was ever migrated. */
async function recordedMigrations(sql: Sql): Promise<ReadonlyMap<string, string>> {
  return (await hasTable(sql, "schema_migrations")) ? appliedMigrations(sql) : new Map();
}

async function appliedMigrations(sql: Sql): Promise<ReadonlyMap<string, string>> {
  const rows = await sql<{ name: string; checksum: string }[]>`select name, checksum from schema_migrations`;
  return new Map(rows.map((row) => [row.name, row.checksum]));
}

/** The migrations not applied yet. A database that is ahead of this binary is fine: it was migrated for a newer one. */
function compare(
  migrations: readonly Migration[],
  applied: ReadonlyMap<string, string>,
): readonly Migration[] {
  for (const migration of migrations) {
    const recorded = applied.get(migration.name);
    if (recorded !== undefined && recorded !== checksum(migration)) {
      throw new AppError(
        "MIGRATION_FAILED",
        `migration ${migration.name} was changed after it had been applied here: restore the file and put the change in a new one`,
      );
    }
  }
  const pending = migrations.filter((migration) => !applied.has(migration.name));
  const lastApplied = migrations.findLastIndex((migration) => applied.has(migration.name));
  const late = pending.find((migration) => migrations.indexOf(migration) < lastApplied);
  if (late !== undefined) {
    throw new AppError(
      "MIGRATION_FAILED",
      `migration ${late.name} is numbered before one that is applied already: renumber it`,
    );
  }
  return pending;
}

async function apply(connection: ReservedSql, migration: Migration): Promise<void> {
  const record = () =>
    connection`insert into schema_migrations (name, checksum) values (${migration.name}, ${checksum(migration)})`;
  try {
    if (migration.sql.startsWith(NO_TRANSACTION)) {
      await connection.unsafe(`set lock_timeout = '${CONCURRENT_LOCK_TIMEOUT}'`);
      // One by one: the server runs several statements in one message as one transaction.
      for (const statement of migration.sql.split(/;\s*$/m)) {
        if (statement.trim() !== "") await connection.unsafe(statement);
      }
      await record();
      await connection.unsafe(`set lock_timeout = '${LOCK_TIMEOUT}'`);
      return;
    }
    await pastLocks(async () => {
      await connection`begin`;
      try {
        await connection.unsafe(migration.sql);
        await record();
        await connection`commit`;
      } catch (error) {
        await connection.unsafe("rollback").catch(() => undefined);
        throw error;
      }
    });
  } catch (error) {
    const why = isLockTimeout(error)
      ? "failed: a transaction keeps its table busy; end it (the oldest xact_start in pg_stat_activity), then migrate again"
      : "failed";
    throw new AppError("MIGRATION_FAILED", `migration ${migration.name} ${why}`, { cause: error });
  }
}

async function pastLocks(work: () => Promise<void>): Promise<void> {
  for (let attempts = 1; ; attempts += 1) {
    try {
      return await work();
    } catch (error) {
      if (!isLockTimeout(error) || attempts >= LOCK_ATTEMPTS) throw error;
      await pause(LOCK_PAUSE_MS);
    }
  }
}

function checksum(migration: Migration): string {
  return createHash("sha256").update(migration.sql).digest("hex");
}
