// The pictures of /graphs: what each shows, and how it is read from a snapshot. Pure. Used by history.ts and pages/graphs.tsx.
import type { Snapshot } from "./collector.ts";
import { knownOf } from "./source.ts";

export type ChartId = "throughput" | "duration" | "lag" | "outboxes" | "dead-letters" | "event-loop";
export type Unit = "count" | "ms";

export interface Chart {
  readonly id: ChartId;
  readonly title: string;
  /** What a value is. */
  readonly about: string;
  readonly unit: Unit;
  /** The page with the details. */
  readonly href: string;
  /** By series; what is unknown is missing. */
  readonly read: (snapshot: Snapshot) => Readonly<Record<string, number>>;
}

/** As the objectives count: the shopper's time is not ours. */
export const LEAVES_OUT_BANK = "p50 and p99 are of checkouts that did not wait for the shopper at the bank";
const PER_MINUTE = 60;

export const CHARTS: readonly Chart[] = [
  {
    id: "throughput",
    title: "Checkouts per minute",
    about: "started, and ended by outcome, in the minute before",
    unit: "count",
    href: "/sagas",
    read: ({ sagas }) => {
      const known = knownOf(sagas);
      if (known === null) return {};
      const perMinute = PER_MINUTE / known.window_seconds;
      const sums: Record<string, number> = { started: known.started, COMPLETED: 0, COMPENSATED: 0 };
      for (const { status, count } of known.ended) sums[status] = (sums[status] ?? 0) + count;
      return Object.fromEntries(
        Object.entries(sums).map(([name, count]) => [name, Math.round(count * perMinute)]),
      );
    },
  },
  {
    id: "duration",
    title: "From checkout to end",
    about: `of those that ended in the minute before; ${LEAVES_OUT_BANK}`,
    unit: "ms",
    href: "/sagas",
    read: ({ sagas }) => {
      const took = knownOf(sagas)?.took_ms ?? null;
      return took === null ? {} : { p50: took.p50, p99: took.p99 };
    },
  },
  {
    id: "lag",
    title: "Lag",
    about: "messages that a group has not committed",
    unit: "count",
    href: "/topics",
    read: ({ topics }) =>
      Object.fromEntries(
        (knownOf(topics) ?? []).flatMap(({ topic, groups }) =>
          groups.map(({ group, lag }) => [`${topic}, ${group}`, lag] as const),
        ),
      ),
  },
  {
    id: "outboxes",
    title: "Outboxes",
    about: "events that are not published, by database",
    unit: "count",
    href: "/",
    read: ({ outboxes }) =>
      Object.fromEntries(
        outboxes.flatMap(({ database, reading }) => {
          const known = knownOf(reading);
          return known === null ? [] : [[database, known.unpublished] as const];
        }),
      ),
  },
  {
    id: "dead-letters",
    title: "Dead letters",
    about: "that nobody has handled",
    unit: "count",
    href: "/dead-letters",
    read: ({ deadLetters }) => {
      const known = knownOf(deadLetters);
      if (known === null) return {};
      const total = known.reduce((sum, { count }) => sum + count, 0);
      return { all: total, ...Object.fromEntries(known.map(({ service, count }) => [service, count])) };
    },
  },
  {
    id: "event-loop",
    title: "Event-loop lag of roles",
    about: "how long a task waited in a role's process when it was asked",
    unit: "ms",
    href: "/",
    read: ({ roles }) =>
      Object.fromEntries(
        roles.flatMap(({ name, reading }) => {
          const lag = knownOf(reading)?.event_loop_lag_seconds;
          return typeof lag === "number" ? [[name, Math.round(lag * 100_000) / 100] as const] : [];
        }),
      ),
  },
];
