// Makes the roles of all databases of a stack with `--secure`, with their rights and passwords, as `checkoutctl grants apply` does. Before
// the migrations, which the migrator runs. Called by stack.ts.
import postgres from "postgres";
import { MIGRATED_DATABASES, type MigratedDatabase } from "../../../schemas/migrations.ts";
import { applyGrants } from "../../platform/grants/apply-store.ts";
import { setPassword } from "../../platform/grants/password-store.ts";
import type { StackSecrets } from "../secrets.ts";
import type { StackAddresses } from "../state.ts";
import { databasePasswords } from "./accounts.ts";

export async function makeDatabaseRoles({
  addresses,
  secrets,
}: {
  readonly addresses: StackAddresses;
  readonly secrets: StackSecrets;
}): Promise<void> {
  const make = async (database: MigratedDatabase, url: string) => {
    const sql = postgres(url, { max: 1, onnotice: () => undefined });
    try {
      await applyGrants(sql, database);
      for (const [role, password] of databasePasswords(secrets, database))
        await setPassword(sql, role, password);
    } finally {
      await sql.end();
    }
  };
  await Promise.all(
    MIGRATED_DATABASES.map(async (database) => {
      const url = addresses.postgres[database];
      if (url !== undefined) await make(database, url);
    }),
  );
}
