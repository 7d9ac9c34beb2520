// Rejects a connection pooler that does not keep connection settings (PgBouncer, in any mode). Behind one, statements have no time
// limit, a connection could write outside its transaction, and LISTEN succeeds but receives nothing: a role would wrongly report
// itself ready. Also rejects one that hides whether the server is a standby, and a Postgres before 14, which does not say it. Called by
// postgres.ts.
import postgres, { type Sql } from "postgres";
import { AppError } from "../kernel/errors.ts";

const PROTOCOL_VIOLATION = "08P01";

/** The error for a connection that a pooler refused because of a setting; undefined for any other error. */
export function poolerRefused(driver: Sql, error: unknown): AppError | undefined {
  if (!(error instanceof postgres.PostgresError) || error.code !== PROTOCOL_VIOLATION) return undefined;
  if (!error.message.includes("startup parameter")) return undefined;
  return unfit(driver, `it refuses them: ${error.message}`, error);
}

/** Throws CONFIG_INVALID if the connection does not have the statement timeout that it was started with. Costs one round trip. */
export async function requireSettingsKept(driver: Sql, statementTimeoutMs: number): Promise<void> {
  // Not prepared: a pooler may lose prepared statements too.
  const [row] = await driver.unsafe<{ ms: number }[]>(
    "select (extract(epoch from current_setting('statement_timeout')::interval) * 1000)::int as ms",
  );
  if (row?.ms !== statementTimeoutMs) throw unfit(driver, "it drops them");
}

/**
 * Throws CONFIG_INVALID if the server has not said on connect whether it is a standby. The driver (postgres 3.4.9, `fetchState`) asks for it
 * then on each new connection, and nothing handles the rejection of that question: a connection that breaks before its answer would end the
 * process. Call it after a statement.
 */
export function requireStateReported({ parameters, options }: Sql): void {
  // The statement's answer came from a pool that has been replaced since (postgres-pool.ts): the new one has heard nothing yet.
  if (parameters["server_version"] === undefined) return;
  if (parameters["in_hot_standby"] !== undefined && parameters["default_transaction_read_only"] !== undefined)
    return;
  throw new AppError(
    "CONFIG_INVALID",
    `${options.host[0]}:${options.port[0]} does not say on connect whether it is a standby: it is a connection pooler, or a Postgres before 14. ` +
      "Connect directly to Postgres 14 or later",
  );
}

function unfit({ options }: Sql, what: string, cause?: unknown): AppError {
  return new AppError(
    "CONFIG_INVALID",
    `${options.host[0]}:${options.port[0]} is a connection pooler (PgBouncer?) that does not keep connection settings; ${what}. ` +
      "Connect directly to Postgres: a role needs few connections and keeps them open",
    { cause },
  );
}
