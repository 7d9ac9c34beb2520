// What a database has refused a role lately (SQLSTATE 42501), in the role's readiness and in a metric. Used by every role with a database.
// Beside watch-rights.ts, which names all that is missing before a statement needs it, but knows only the rights of schemas/database-grants.ts
// and is not for the console.
import { deniedWatch } from "./denied-watch.ts";

/** `watchRefusals(context, database, denied)`: `denied` says what the role may not do there, or null. */
export const { watch: watchRefusals, register: refusalsGauge } = deniedWatch({
  metric: "database_refusing",
  help: "1 while this database refuses what the role needs: a right is missing, see `checkoutctl grants check`",
  label: "database",
  checkOf: (database) => `refused by ${database}`,
});
