// Compares a role's database with Kafka while it runs, and reports a database that is behind: in its readiness, in a
// metric and in the log. Used by the orchestrator, inventory, payment and order.
import type { DatabaseName } from "../../schemas/migrations.ts";
import type { Database } from "../messaging/database.ts";
import { PastWatch } from "../messaging/past-watch.ts";
import { runLoop } from "./background-loop.ts";
import { systemClock } from "./clock.ts";
import { kafkaOptions, type KafkaSettings } from "./kafka/connection.ts";
import { newestSent, ownTopics } from "./kafka/newest-sent.ts";
import type { RoleContext } from "./lifecycle.ts";
import type { Metrics } from "./metrics.ts";

/** Costs one small query when there is nothing to compare. */
const INTERVAL_MS = 1_000;

/** Exported for internal/tools/references.ts, which lists all metrics. */
export function behindGauge(
  metrics: Pick<Metrics, "gauge">,
  database: string,
  isBehind: () => boolean,
): void {
  metrics.gauge(
    "database_behind",
    "1 while the database of this role lacks messages that it sent to Kafka: restored from a backup, or a standby that was behind; else 0.",
    ["database"],
    () => [[{ database }, Number(isBehind())]],
  );
}

/** Compares now and whenever another server, or other tables, are behind the address, until the role stops. `withheld`: see past-watch.ts. */
export function watchPast(
  context: Pick<RoleContext<KafkaSettings>, "config" | "log" | "ops" | "metrics" | "resources">,
  { sql }: Pick<Database, "sql">,
  database: DatabaseName,
  withheld: string,
): PastWatch {
  const { config, log, ops, metrics } = context;
  const client = database === "saga" ? "orchestrator" : database;
  const past = new PastWatch({
    sql,
    database,
    withheld,
    newestSent: () => newestSent(kafkaOptions(config, client), ownTopics(database)),
    now: () => systemClock.now(),
    log,
  });
  behindGauge(metrics, database, () => past.rejection !== null);
  ops.addCheck(`${database} database`, () => past.ready());
  runLoop(context, { name: "comparison with Kafka", runOnce: () => past.runOnce(), intervalMs: INTERVAL_MS });
  return past;
}
