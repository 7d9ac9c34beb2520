// Rejects connections to a standby. During a failover an address may point to one, and an open connection to it would keep reading
// stale data long after the address points to the new primary. So every new connection checks. Called by postgres.ts,
// postgres-pool.ts and transaction-connection.ts.
import type { Sql } from "postgres";
import { AppError } from "../kernel/errors.ts";

/** Driver option that closes connections to a standby. The server reports its role on connect, so this costs no round trip. */
export const PRIMARY_ONLY = { target_session_attrs: "primary" } as const;

/** Whether the last server that answered was a standby. */
export function isStandby({ parameters }: Sql): boolean {
  return parameters["in_hot_standby"] === "on";
}

/** The error for a connection that failed because the server is a standby; undefined for any other reason. */
export function standbyRefused(driver: Sql): AppError | undefined {
  if (!isStandby(driver)) return undefined;
  const { host, port } = driver.options;
  return new AppError(
    "DATABASE_UNAVAILABLE",
    `the Postgres at ${host[0]}:${port[0]} is a standby, which cannot write: waiting until the address points to the primary`,
  );
}
