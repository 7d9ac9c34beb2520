// `checkoutctl migrate`: applies the migrations in this binary to the five databases.
import { Option } from "@commander-js/extra-typings";
import { migrate, pendingMigrations } from "../../../internal/platform/migrate.ts";
import { MIGRATED_DATABASES, type MigratedDatabase, migrations } from "../../../schemas/migrations.ts";
import { Connections } from "../connections.ts";
import { command, print, table } from "../command.ts";
import { loadSettings } from "../settings.ts";

export const migrateCommand = command("migrate", "apply the migrations that a database lacks")
  .addOption(new Option("--database <name>", "only this database").choices(MIGRATED_DATABASES))
  .option("--dry-run", "only list the migrations that would be applied")
  .action(async (options) => {
    await using connections = new Connections(loadSettings(options.stack));
    const names = options.database === undefined ? MIGRATED_DATABASES : [options.database];
    const results: { database: MigratedDatabase; migrations: readonly string[] }[] = [];
    for (const database of names) {
      // In sequence, so that a failure leaves the later databases untouched.
      const sql = await connections.databaseToMigrate(database);
      const step = options.dryRun ? pendingMigrations : migrate;
      results.push({ database, migrations: await step(sql, migrations[database], database) });
    }
    print(options, { dry_run: options.dryRun ?? false, databases: results }, () =>
      table(
        ["DATABASE", options.dryRun ? "PENDING" : "APPLIED"],
        results.map((result) => [result.database, result.migrations.join(", ") || "(none: up to date)"]),
      ),
    );
  });
