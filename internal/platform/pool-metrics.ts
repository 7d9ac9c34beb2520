// Shows at each scrape how full a role's pool for transactions is. Called by consuming-role.ts. Single statements are not counted: the
// driver does not tell how many wait.
import type { Metrics } from "./metrics.ts";

/** The transactions of one database pool at this moment. */
export interface TransactionLoad {
  readonly running: number;
  /** Queued, because as many run as the pool has connections for. */
  readonly waiting: number;
  readonly limit: number;
}

/** Register once per process. `database` is the database's name, `read` is called at each scrape. */
export function poolMetrics(
  metrics: Pick<Metrics, "gauge">,
  database: string,
  read: () => TransactionLoad,
): void {
  const gauge = (name: string, help: string, value: keyof TransactionLoad) =>
    metrics.gauge(name, help, ["database"], () => [[{ database }, read()[value]] as const]);
  gauge("database_transactions_running", "Transactions that have a connection of the pool", "running");
  gauge("database_transactions_waiting", "Transactions that wait for a connection of the pool", "waiting");
  gauge("database_transactions_limit", "Transactions that can run at the same time", "limit");
}
