// Refuses a connection pooler that does not keep what a connection is started with (PgBouncer, in any mode). Behind one, statements
// have no time limit, a connection could write outside its transaction, and LISTEN is answered and never hears anything: a role would
// call itself ready and be wrong. Called by postgres.ts.
import postgres, { type Sql } from "postgres";
import { AppError } from "../kernel/errors.ts";

const PROTOCOL_VIOLATION = "08P01";

/** What a connection was refused for, where a pooler refused it: the setting that it does not pass on. */
export function poolerRefused(driver: Sql, error: unknown): AppError | undefined {
  if (!(error instanceof postgres.PostgresError) || error.code !== PROTOCOL_VIOLATION) return undefined;
  if (!error.message.includes("startup parameter")) return undefined;
  return unfit(driver, `it refuses them: ${error.message}`, error);
}

/** Throws CONFIG_INVALID where the time limit that the connection was started with does not hold. Costs one round trip. */
export async function requireSettingsKept(driver: Sql, statementTimeoutMs: number): Promise<void> {
  // As text: a pooler may lose a prepared statement as well.
  const [row] = await driver.unsafe<{ ms: number }[]>(
    "select (extract(epoch from current_setting('statement_timeout')::interval) * 1000)::int as ms",
  );
  if (row?.ms !== statementTimeoutMs) throw unfit(driver, "it drops them");
}

function unfit({ options }: Sql, what: string, cause?: unknown): AppError {
  return new AppError(
    "CONFIG_INVALID",
    `${options.host[0]}:${options.port[0]} is a connection pooler (PgBouncer?) that does not keep the settings of a connection; ${what}. ` +
      "Connect to Postgres itself: a role needs few connections and keeps them",
    { cause },
  );
}
