// Whether a database is what a role needs: its own, with every table that this binary works with. A role that took messages
// without would hold its partitions and stand still. Called at the start and by /readyz.
import type { Sql } from "postgres";
import type { MigratedDatabase, Migration } from "../../schemas/migrations.ts";
import { AppError } from "../kernel/errors.ts";
import { unapplied } from "./migrate.ts";
import { ownersOf } from "./schema-owner-store.ts";

export interface NeededSchema {
  /** Whose database it has to be; absent where any will do. */
  readonly owner?: MigratedDatabase | undefined;
  readonly migrations: readonly Migration[];
}

/** Throws DATABASE_UNAVAILABLE, which waiting may cure: somebody migrates, or corrects the address behind a name. */
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
