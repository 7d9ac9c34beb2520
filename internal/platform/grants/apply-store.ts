// Compares the rights in a database with the table of schemas/database-grants.ts and brings them in line with it. Called by `checkoutctl grants` and,
// for what a migration adds, by migrate.ts; by the local stack and the tests.
import type { ReservedSql, Sql } from "postgres";
import { LEAST_PRIVILEGE, type MigratedDatabase, migrations } from "../../../schemas/migrations.ts";
import { AppError } from "../../kernel/errors.ts";
import { pause } from "../../messaging/pause.ts";
import { isLockTimeout, isPermissionDenied } from "../postgres-errors.ts";
import { hasTable } from "../schema-owner-store.ts";
import { type Change, changesOf, excess, previousOwners, unnamed } from "./changes.ts";
import { findRights } from "./found-store.ts";
import { roleNames } from "./wanted.ts";

/** As for migrations: whoever waits for a table makes others wait. */
const LOCK_TIMEOUT = "200ms";
const LOCK_ATTEMPTS = 25;
const LOCK_PAUSE_MS = 1_000;
const AS_SUPERUSER = ": run this as a superuser of the database";

export interface GrantsPlan {
  readonly changes: readonly Change[];
  /** Tables and functions without a line in the table of rights: a fault of the program. */
  readonly unnamed: readonly string[];
  /** See `previousOwners`. */
  readonly owners: readonly string[];
  /** See `excess`. */
  readonly excess: readonly string[];
}

export async function planGrants(sql: Sql | ReservedSql, database: MigratedDatabase): Promise<GrantsPlan> {
  const found = await findRights(sql, roleNames(database));
  return {
    changes: changesOf(database, found),
    unnamed: unnamed(database, found),
    owners: previousOwners(database, found),
    excess: excess(database, found),
  };
}

/**
 * Brings all rights in line with it, in one transaction, and returns what it changed. Throws MIGRATION_FAILED if this user may not, if a migration that the
 * roles need is missing, or if a table stays locked; then nothing has changed.
 */
export async function applyGrants(sql: Sql, database: MigratedDatabase): Promise<readonly Change[]> {
  await sql`select`;
  const connection = await sql.reserve();
  try {
    await requireFunctions(connection, database);
    return await pastLocks(connection, () => changeAll(connection, database));
  } finally {
    connection.release();
  }
}

/**
 * Gives the rights on what a migration has made, where `applyGrants` has run. Takes none from a role, because an older version still needs what
 * it has, but from everybody: Postgres lets anybody call a new function. Roles that only this version knows are made by `applyGrants`. The connection must act as the owner.
 */
export async function addGrants(connection: ReservedSql, database: MigratedDatabase): Promise<void> {
  await pastLocks(connection, async () => {
    const { changes } = await planGrants(connection, database);
    await execute(
      connection,
      changes.filter(({ kind, forNewRole, fromPublic }) =>
        kind === "grant" ? forNewRole !== true : fromPublic === true,
      ),
    );
  });
}

/**
 * Without the functions of this migration a service that is not the owner could make no partitions. An empty database may get its roles
 * first: the migrator then makes everything.
 */
async function requireFunctions(connection: ReservedSql, database: MigratedDatabase): Promise<void> {
  if (migrations[database].every(({ name }) => name !== LEAST_PRIVILEGE)) return;
  if (!(await hasTable(connection, "schema_migrations"))) return;
  const applied = await connection`select from schema_migrations where name = ${LEAST_PRIVILEGE}`;
  if (applied.length > 0) return;
  throw new AppError(
    "MIGRATION_FAILED",
    `the ${database} database lacks the migration ${LEAST_PRIVILEGE}, which its roles need; nothing was changed: run \`checkoutctl migrate\` first`,
  );
}

async function changeAll(connection: ReservedSql, database: MigratedDatabase): Promise<readonly Change[]> {
  const { changes } = await planGrants(connection, database);
  await execute(connection, changes);
  // A new owner changes what others have been given.
  const rest = (await planGrants(connection, database)).changes;
  await execute(connection, rest);
  await requireNone(connection, database);
  return [...changes, ...rest];
}

/** For a user who may not, Postgres answers some of these statements with no more than a warning. */
async function requireNone(connection: ReservedSql, database: MigratedDatabase): Promise<void> {
  const [left] = (await planGrants(connection, database)).changes;
  if (left === undefined) return;
  throw new AppError(
    "MIGRATION_FAILED",
    `\`${left.statement}\` had no effect; nothing was changed${AS_SUPERUSER}`,
  );
}

/** Runs `work` in a transaction, and again while another one holds a lock that it needs. */
async function pastLocks<T>(connection: ReservedSql, work: () => Promise<T>): Promise<T> {
  for (let attempts = 1; ; attempts += 1) {
    try {
      await connection.unsafe(`begin; set local lock_timeout = '${LOCK_TIMEOUT}'`);
      const done = await work();
      await connection.unsafe("commit");
      return done;
    } catch (error) {
      await connection.unsafe("rollback").catch(() => undefined);
      if (!isLockTimeout(error)) throw error;
      if (attempts >= LOCK_ATTEMPTS) throw stillLocked(error);
      await pause(LOCK_PAUSE_MS);
    }
  }
}

function stillLocked(cause: unknown): AppError {
  const way = "end it (the oldest xact_start in pg_stat_activity), then try again";
  return new AppError("MIGRATION_FAILED", `another transaction holds a lock on a table: ${way}`, { cause });
}

async function execute(connection: ReservedSql, changes: readonly Change[]): Promise<void> {
  for (const { statement } of changes) {
    try {
      await connection.unsafe(statement);
    } catch (cause) {
      if (isLockTimeout(cause)) throw cause;
      const wayOut = isPermissionDenied(cause) ? AS_SUPERUSER : "";
      throw new AppError("MIGRATION_FAILED", `\`${statement}\` failed; nothing was changed${wayOut}`, {
        cause,
      });
    }
  }
}
