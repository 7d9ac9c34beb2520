// Tells whoever looks after a role that Kafka refuses one of its clients something: in its readiness and in a metric. Used by every role with a
// Kafka client.
import type { Metrics } from "../metrics.ts";
import type { RoleContext } from "../lifecycle.ts";

type Denied = () => string | null;

/** By the metrics of a process, which has one gauge for all its clients. */
const clientsOf = new WeakMap<object, Map<string, Denied>>();

/** Registered once per process. Exported for internal/tools/references.ts, which lists all metrics. */
export function deniedGauge(metrics: Pick<Metrics, "gauge">, clients: ReadonlyMap<string, Denied>): void {
  metrics.gauge("kafka_denied", "1 while Kafka refuses what this client of the role needs", ["client"], () =>
    [...clients].map(([client, reason]) => [{ client }, reason() === null ? 0 : 1] as const),
  );
}

/**
 * `denied` says what Kafka refuses `client`, or null. With `isRequired` false the role counts as ready: it works without what is refused.
 */
export function watchAccess(
  { ops, metrics }: Pick<RoleContext<unknown>, "ops" | "metrics">,
  client: string,
  denied: Denied,
  { isRequired = true }: { readonly isRequired?: boolean } = {},
): void {
  const clients = clientsOf.get(metrics) ?? new Map<string, Denied>();
  if (!clientsOf.has(metrics)) {
    clientsOf.set(metrics, clients);
    deniedGauge(metrics, clients);
  }
  clients.set(client, denied);
  const check = async () => {
    const reason = denied();
    if (reason !== null) throw new Error(reason);
  };
  ops.addCheck(`kafka access of ${client}`, check, { required: isRequired });
}
