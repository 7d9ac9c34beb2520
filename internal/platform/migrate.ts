// Applies this binary's migrations (schemas/migrations.ts) to a database: numbered files, forward only, each applied once and never
// edited afterwards. Safe to run from several processes at once and while the old version serves. Called by checkoutctl, by tests,
// and by roles, which refuse to work on an old schema.
import { createHash } from "node:crypto";
import type { ReservedSql, Sql } from "postgres";
import { AppError } from "../kernel/errors.ts";
import { pause } from "../messaging/pause.ts";
import type { MigratedDatabase, Migration } from "../../schemas/migrations.ts";
import { isLockTimeout } from "./postgres-errors.ts";
import { addGrants } from "./grants/apply-store.ts";
import { hasTable, ownerRole, ownersOf, recordOwner, refuseForeign } from "./schema-owner-store.ts";

/** Held while migrating. The number is arbitrary, but every version of this program must use the same. */
const ADVISORY_LOCK = 7_283_045_519;
/**
 * While a migration waits for a table behind an open transaction, every other user of the table waits behind the migration. So the
 * migration times out quickly, lets the others through and retries, for half a minute in total.
 */
const LOCK_TIMEOUT = "200ms";
const LOCK_ATTEMPTS = 25;
const LOCK_PAUSE_MS = 1_000;
/** Longer: statements outside a transaction do not block other users while they wait. */
const CONCURRENT_LOCK_TIMEOUT = "5s";
/** A file that starts with this line runs statement by statement outside a transaction (`create index concurrently`). */
const NO_TRANSACTION = "-- no-transaction";

/**
 * Applies missing migrations in order and returns their names. Records `owner`, the service that owns the database, and refuses a
 * database of another service. Throws MIGRATION_FAILED; migrations that were applied before the failure stay.
 */
export async function migrate(
  sql: Sql,
  migrations: readonly Migration[],
  owner?: MigratedDatabase,
): Promise<readonly string[]> {
  // Opens the connection: see TransactionConnection.open.
  await sql`select`;
  const connection = await sql.reserve();
  try {
    // No timeouts: another process may be migrating, and an index on a large table may take long.
    await connection.unsafe("set statement_timeout = 0; set lock_timeout = 0");
    await connection`select pg_advisory_lock(${ADVISORY_LOCK}::bigint)`;
    await connection.unsafe(`set lock_timeout = '${LOCK_TIMEOUT}'`);
    const ownedBy = owner === undefined ? null : await ownerRole(connection, owner);
    // What a migration makes belongs to the owner, whoever runs it.
    if (ownedBy !== null) await connection.unsafe(`set role ${ownedBy}`);
    if (owner !== undefined) await recordOwner(connection, owner);
    await connection`
      create table if not exists schema_migrations (
        name text primary key,
        checksum text not null,
        applied_at timestamptz not null default now()
      )`;
    const pending = compare(migrations, await appliedMigrations(connection));
    for (const migration of pending) await apply(connection, migration);
    if (owner !== undefined && ownedBy !== null) await addGrants(connection, owner);
    return pending.map((migration) => migration.name);
  } finally {
    // Settings and lock outlive an error outside a transaction, and the connection returns to the pool.
    await connection
      .unsafe("rollback; select pg_advisory_unlock_all(); reset role; reset all")
      .catch(() => undefined);
    connection.release();
  }
}

/** The migrations that `migrate` would apply. Throws MIGRATION_FAILED if it would refuse. */
export async function pendingMigrations(
  sql: Sql,
  migrations: readonly Migration[],
  owner?: MigratedDatabase,
): Promise<readonly string[]> {
  if (owner !== undefined) refuseForeign(await ownersOf(sql), owner);
  return compare(migrations, await recordedMigrations(sql)).map((migration) => migration.name);
}

/** The names of migrations that are not applied. Does not check the applied ones for changes. */
export async function unapplied(sql: Sql, migrations: readonly Migration[]): Promise<readonly string[]> {
  const recorded = await recordedMigrations(sql);
  return migrations.map(({ name }) => name).filter((name) => !recorded.has(name));
}

/** Checksums of applied migrations by name. Empty if the database was never migrated. */
async function recordedMigrations(sql: Sql): Promise<ReadonlyMap<string, string>> {
  return (await hasTable(sql, "schema_migrations")) ? appliedMigrations(sql) : new Map();
}

async function appliedMigrations(sql: Sql): Promise<ReadonlyMap<string, string>> {
  const rows = await sql<{ name: string; checksum: string }[]>`select name, checksum from schema_migrations`;
  return new Map(rows.map((row) => [row.name, row.checksum]));
}

/** The migrations that are not applied yet. A database that is ahead of this binary is valid: a newer binary migrated it. */
function compare(
  migrations: readonly Migration[],
  applied: ReadonlyMap<string, string>,
): readonly Migration[] {
  for (const migration of migrations) {
    const recorded = applied.get(migration.name);
    if (recorded !== undefined && recorded !== checksum(migration)) {
      throw new AppError(
        "MIGRATION_FAILED",
        `migration ${migration.name} was changed after it was applied here: restore the file and put the change in a new migration`,
      );
    }
  }
  const pending = migrations.filter((migration) => !applied.has(migration.name));
  const lastApplied = migrations.findLastIndex((migration) => applied.has(migration.name));
  const late = pending.find((migration) => migrations.indexOf(migration) < lastApplied);
  if (late !== undefined) {
    throw new AppError(
      "MIGRATION_FAILED",
      `migration ${late.name} has a lower number than an applied one: renumber it`,
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
      // One by one, because the server runs several statements in one message as one transaction.
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
      ? "failed: another transaction holds a lock on its table; end it (the oldest xact_start in pg_stat_activity), then migrate again"
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
