// Rebuilds Kafka's topics from the outboxes after Kafka lost data: publishes everything written since a given time again.
// Harmless if Kafka still has a message, because consumers take each message id once. Called by `checkoutctl outbox republish`.
import { timestampOf } from "../kernel/timestamp.ts";
import type { Sql } from "postgres";
import type { DatabaseName } from "../../schemas/migrations.ts";
import type { Clock } from "../kernel/ports.ts";
import { recordActions } from "../messaging/operator-action-store.ts";
import { pause } from "../messaging/pause.ts";
import { measureBacklog } from "../messaging/relay-store.ts";
import { discardedMessages, settleActions } from "./dead-letter-store.ts";
import { clockOf } from "./clock-store.ts";
import { countPublished, oldestHeld, type Stretch, unpublish } from "./republish-store.ts";

/**
 * At most `maxWaiting` events wait for the relay at a time. A million waiting events would delay current checkouts, which queue
 * behind them, and the orchestrator would accept no new ones.
 */
const LIMITS = {
  batch: 5_000,
  maxWaiting: 20_000,
  /** How often progress is reported while waiting for the relay. */
  tellEveryMs: 2_000,
};
const DRAIN_POLL_MS = 100;

/** Epoch ms. Null `until`: no end. Null `publishedBefore`: the start of this run. */
export interface Times {
  readonly since: number;
  readonly until: number | null;
  /** To continue an interrupted run, pass that run's value: events published again since then are skipped. */
  readonly publishedBefore: number | null;
}

export interface RepublishOptions {
  /** The outboxes, in the order of processing. */
  readonly outboxes: ReadonlyMap<DatabaseName, Sql>;
  /** The saga database, which keeps the audit trail. */
  readonly trail: Sql;
  readonly stretch: Stretch;
  readonly clock: Clock;
  /** UUIDv7. */
  readonly newId: () => string;
  readonly actor: string;
  readonly reason: string;
  /** Ends the run after the current batch. */
  readonly signal: AbortSignal;
  /** Called after each batch, and while waiting for the relay. */
  readonly onProgress: (progress: RepublishProgress) => void;
  readonly limits?: typeof LIMITS;
}

export interface RepublishProgress extends RepublishedOutbox {
  readonly of: number;
  /** True while the relay's backlog is too large for another batch. */
  readonly isWaiting: boolean;
}

export interface RepublishedOutbox {
  readonly database: DatabaseName;
  readonly events: number;
}

export interface RepublishReport {
  readonly run_id: string;
  readonly outboxes: readonly RepublishedOutbox[];
  readonly interrupted: boolean;
}

export interface PlannedOutbox extends RepublishedOutbox {
  /** Epoch ms. The time of the oldest event; older ones cannot be published again. Null if the outbox is empty. */
  readonly oldest_at: number | null;
}

/** The stretch for `times`. `trail` is the saga database, which knows the discarded messages. */
export async function stretchOf(
  outboxes: ReadonlyMap<DatabaseName, Sql>,
  trail: Sql,
  { publishedBefore, ...given }: Times,
): Promise<Stretch> {
  const times = { ...given, discarded: await discardedMessages(trail) };
  if (publishedBefore !== null) return { ...times, publishedBefore };
  // Take the latest of the database clocks, in whole ms: publishing an event twice does no harm, skipping one would lose it.
  const clocks = await Promise.all([...outboxes.values()].map(clockOf));
  return { ...times, publishedBefore: Math.ceil(Math.max(...clocks)) };
}

/** Counts the published events of the stretch in each outbox. This is the result of a dry run. */
export function planRepublish({
  outboxes,
  stretch,
}: Pick<RepublishOptions, "outboxes" | "stretch">): Promise<readonly PlannedOutbox[]> {
  return Promise.all(
    [...outboxes].map(async ([database, sql]) => ({
      database,
      events: await countPublished(sql, stretch),
      oldest_at: await oldestHeld(sql),
    })),
  );
}

/** One outbox after the other, oldest events first, so the events of each saga keep their order. */
export async function republish(options: RepublishOptions): Promise<RepublishReport> {
  const { outboxes, trail, stretch, clock, newId, actor, reason, signal } = options;
  const run_id = newId();
  const done: RepublishedOutbox[] = [];
  for (const [database, sql] of outboxes) {
    if (signal.aborted) break;
    const action_id = newId();
    const act = { action_id, run_id, action: "outbox.republish", subject: database, saga_id: null } as const;
    await recordActions(trail, [
      { ...act, actor, reason, outcome: null, detail: describe(stretch), at: clock.now() },
    ]);
    const events = await republishOutbox(options, database, sql);
    done.push({ database, events });
    const detail = `${events} events ${describe(stretch)}`;
    const outcome = signal.aborted ? "interrupted" : "republished";
    await settleActions(trail, [{ action_id, outcome, detail }]);
  }
  return { run_id, outboxes: done, interrupted: signal.aborted };
}

async function republishOutbox(
  { stretch, signal, onProgress, limits = LIMITS }: RepublishOptions,
  database: DatabaseName,
  sql: Sql,
): Promise<number> {
  const of = await countPublished(sql, stretch);
  let events = 0;
  let after: string | null = null;
  const tell = (isWaiting: boolean) => onProgress({ database, events, of, isWaiting });
  while (!signal.aborted) {
    await untilRoom(sql, limits, signal, () => tell(true));
    if (signal.aborted) break;
    const { count, last } = await unpublish(sql, stretch, after, limits.batch);
    events += count;
    after = last;
    tell(false);
    if (count < limits.batch) break;
  }
  return events;
}

/** Waits until the relay's backlog has room for another batch. */
async function untilRoom(
  sql: Sql,
  { batch, maxWaiting, tellEveryMs }: typeof LIMITS,
  signal: AbortSignal,
  onWaiting: () => void,
): Promise<void> {
  for (let waitedMs = DRAIN_POLL_MS; !signal.aborted; waitedMs += DRAIN_POLL_MS) {
    const { unpublished } = await measureBacklog(sql, maxWaiting);
    if (unpublished + batch <= maxWaiting) return;
    await pause(DRAIN_POLL_MS, signal);
    if (waitedMs % tellEveryMs === 0) onWaiting();
  }
}

function describe({ since, until }: Stretch): string {
  const end = until === null ? "on" : `to ${timestampOf(until)}`;
  return `from ${timestampOf(since)} ${end}`;
}
