// Cumulative counters that are expensive to read. They are read before and after a run, while the system is idle, and reported as the
// difference per order.
import type { PerOrder } from "../record.ts";
import type { System } from "../system.ts";
import { type BrokerCounters, brokerCostPerOrder, type BrokerWatch } from "./broker-cost.ts";
import { perOrder as postgresPerOrder, type PostgresCounters, postgresCounters } from "./postgres-cost.ts";
import { type Usage, usageByGroup } from "./usage.ts";

/** Postgres backends report their statistics with a delay of up to a second. */
const SETTLE_MS = 1_200;

export interface Counters {
  readonly postgres: Readonly<Record<string, PostgresCounters>>;
  readonly kafka: BrokerCounters;
  readonly usage: ReadonlyMap<string, Usage>;
}

export async function readCounters(system: System, brokers: BrokerWatch): Promise<Counters> {
  const [, kafka] = await Promise.all([Bun.sleep(SETTLE_MS), brokers.read()]);
  const postgres = await Promise.all(
    Object.entries(system.databases).map(async ([name, sql]) => [name, await postgresCounters(sql)] as const),
  );
  return { kafka, postgres: Object.fromEntries(postgres), usage: usageByGroup(system.processes) };
}

export function costPerOrder(before: Counters, after: Counters, orders: number): Omit<PerOrder, "cpuMs"> {
  const share = (pick: (usage: Usage) => number) =>
    Object.fromEntries(
      Array.from(after.usage, ([name, usage]) => {
        const earlier = before.usage.get(name);
        const used = pick(usage) - (earlier === undefined ? 0 : pick(earlier));
        return [name, Math.max(0, used) / Math.max(1, orders)] as const;
      }),
    );
  return {
    orders,
    postgres: Object.fromEntries(
      Object.entries(after.postgres).flatMap(([name, counters]) => {
        const earlier = before.postgres[name];
        return earlier === undefined ? [] : [[name, postgresPerOrder(earlier, counters, orders)] as const];
      }),
    ),
    kafka: brokerCostPerOrder(before.kafka, after.kafka, orders),
    writtenBytes: share(({ writtenBytes }) => writtenBytes),
    voluntarySwitches: share(({ voluntarySwitches }) => voluntarySwitches),
    involuntarySwitches: share(({ involuntarySwitches }) => involuntarySwitches),
  };
}
