// Reports that a role's user of a database lacks a right that the role needs: in its readiness, in a metric and in the log,
// before a statement is refused or when nobody reads the log. Used for every database of a service, and of the relay. What was refused is for
// watch-refusals.ts.
import type { Sql } from "postgres";
import type { GrantedRole } from "../../schemas/database-grants.ts";
import type { MigratedDatabase } from "../../schemas/migrations.ts";
import { runLoop } from "./background-loop.ts";
import { missingRights } from "./grants/own-rights-store.ts";
import type { RoleContext } from "./lifecycle.ts";
import type { Metrics } from "./metrics.ts";

const INTERVAL_MS = 30_000;

/** By the metrics of a process, which has one gauge for all its databases. */
const countsOf = new WeakMap<object, Map<string, number>>();

/** Registered once per process. Exported for internal/tools/references.ts, which lists all metrics. */
export function rightsGauge(metrics: Pick<Metrics, "gauge">, counts: ReadonlyMap<string, number>): void {
  metrics.gauge(
    "database_denied",
    "Rights on tables and functions that this role needs and its user of the database lacks",
    ["database"],
    () => [...counts].map(([database, count]) => [{ database }, count] as const),
  );
}

export interface WatchedDatabase {
  readonly sql: Sql;
  readonly database: MigratedDatabase;
  /** Whose rights its user should have. */
  readonly role: GrantedRole;
  readonly intervalMs?: number;
}

/** Looks now and every 30 s, until the role stops. A role that lacks a right counts as ready: most of its statements may work. */
export function watchRights(
  context: Pick<RoleContext<unknown>, "ops" | "metrics" | "log" | "resources">,
  { sql, database, role, intervalMs = INTERVAL_MS }: WatchedDatabase,
): void {
  const { metrics, ops, log } = context;
  const counts = countsOf.get(metrics) ?? new Map<string, number>();
  if (!countsOf.has(metrics)) {
    countsOf.set(metrics, counts);
    rightsGauge(metrics, counts);
  }
  let reason: string | null = null;
  const check = async () => {
    if (reason !== null) throw new Error(reason);
  };
  ops.addCheck(`rights in ${database}`, check, { required: false });
  const look = async () => {
    const missing = await missingRights(sql, database, role);
    counts.set(database, missing.length);
    const now = missing.length === 0 ? null : textOf(database, missing);
    if (now !== null && now !== reason) log.error({ database }, now);
    if (now === null && reason !== null)
      log.info({ database }, `no right is missing any more in ${database}`);
    reason = now;
  };
  runLoop(context, { name: `rights in ${database}`, runOnce: look, intervalMs });
}

/** More would hide the way out. */
const NAMED = 5;

function textOf(database: MigratedDatabase, missing: readonly string[]): string {
  const rest = missing.length > NAMED ? ` and ${missing.length - NAMED} more` : "";
  return `this role's user lacks rights in ${database}: ${missing.slice(0, NAMED).join("; ")}${rest}. \`checkoutctl grants check\` finds them, \`grants apply\` gives them`;
}
