// What to do about a server that only repeats what another writes. While a failover goes on, an address may lead to one, and a
// connection to it that was kept would go on reading what is no longer so, long after the address leads to the new primary. So
// none is kept: each asks at its start. Called by postgres.ts, postgres-pool.ts and transaction-connection.ts.
import type { Sql } from "postgres";
import { AppError } from "../kernel/errors.ts";

/** Driver option: the server says in its greeting which it is, so asking costs no round trip. A standby's connection is ended. */
export const PRIMARY_ONLY = { target_session_attrs: "primary" } as const;

/** Whether it was a standby that answered last. */
export function isStandby({ parameters }: Sql): boolean {
  return parameters["in_hot_standby"] === "on";
}

/** Why a connection of this driver could not be had, where that is because it led to a standby. */
export function standbyRefused(driver: Sql): AppError | undefined {
  if (!isStandby(driver)) return undefined;
  const { host, port } = driver.options;
  return new AppError(
    "DATABASE_UNAVAILABLE",
    `the Postgres at ${host[0]}:${port[0]} is a standby, which cannot write: waiting until the address leads to the primary`,
  );
}
