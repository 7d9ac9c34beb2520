// Checks that a database belongs to the role and has every table that this binary uses. Otherwise a consuming role would hold its
// partitions and make no progress. Called at start and by /readyz.
import type { Sql } from "postgres";
import type { MigratedDatabase, Migration } from "../../schemas/migrations.ts";
import { AppError } from "../kernel/errors.ts";
import type { Log } from "../kernel/telemetry.ts";
import { unapplied } from "./migrate.ts";
import { ownersOf, userOf } from "./schema-owner-store.ts";

export interface NeededSchema {
  /** The required owner; absent if any owner is accepted. */
  readonly owner?: MigratedDatabase | undefined;
  readonly migrations: readonly Migration[];
}

/**
 * Says once, at the start, that the role may do everything: right for a small shop, a mistake where `checkoutctl grants` was applied. Says
 * nothing if the database does not answer.
 */
export async function sayIfOwner(sql: Sql, log: Pick<Log, "info">, database: string): Promise<void> {
  const user = await userOf(sql).catch(() => undefined);
  if (user?.isOwner === true)
    log.info(
      { database, user: user.name },
      `this role works as ${user.name}, who owns the ${database} database and may do everything there; \`checkoutctl grants\` makes a user who may do less`,
    );
}

/** Throws DATABASE_UNAVAILABLE, which is retryable: the database may be migrated, or the address behind a name corrected. */
export async function requireSchema(sql: Sql, { owner, migrations }: NeededSchema): Promise<void> {
  const owners = await ownersOf(sql);
  if (owner !== undefined && owners.some((other) => other !== owner)) {
    throw new AppError(
      "DATABASE_UNAVAILABLE",
      `this is the database of ${owners.join(" and ")}, not of ${owner}: correct the address, then run checkoutctl migrate`,
    );
  }
  const missing = await unapplied(sql, migrations);
  if (missing.length > 0) {
    throw new AppError(
      "DATABASE_UNAVAILABLE",
      `the database lacks ${missing.join(", ")}: run checkoutctl migrate`,
    );
  }
}
