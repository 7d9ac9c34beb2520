// Rebuilds Kafka's topics from the outboxes, after Kafka has lost what it had: everything written since some time is published
// once more. Harmless where Kafka has it still, because consumers take each message once by its id. Called by
// `checkoutctl outbox republish`.
import type { Sql } from "postgres";
import type { DatabaseName } from "../../schemas/migrations.ts";
import type { Clock } from "../kernel/ports.ts";
import { recordActions } from "../messaging/operator-action-store.ts";
import { pause } from "../messaging/pause.ts";
import { measureBacklog } from "../messaging/relay-store.ts";
import { OUTBOX_RETENTION_MS } from "../messaging/retention.ts";
import { settleActions } from "./dead-letter-store.ts";
import { countPublished, type Stretch, unpublish } from "./republish-store.ts";

const BATCH = 5_000;
/**
 * More than this is never made to wait for the relay at a time: a million waiting events would hold up the checkouts of the
 * day, which queue behind them, and the orchestrator would take no new ones.
 */
const MAX_WAITING = 20_000;
const DRAIN_POLL_MS = 100;
/** Whoever waits for a relay that does not run is told so every few seconds. */
const POLLS_PER_REMINDER = 50;

export interface RepublishOptions {
  readonly databases: Readonly<Record<DatabaseName, Sql>>;
  /** Whose outboxes. */
  readonly names: readonly DatabaseName[];
  readonly stretch: Stretch;
  readonly clock: Clock;
  /** UUIDv7. */
  readonly newId: () => string;
  readonly actor: string;
  readonly reason: string;
  /** Ends the run after the batch in hand. */
  readonly signal: AbortSignal;
  /** Told after each batch. */
  readonly onProgress: (progress: RepublishedOutbox & { readonly of: number }) => void;
  /** Told while the relay is waited for. */
  readonly onWaiting: (database: DatabaseName, unpublished: number) => void;
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

/** What the outboxes hold of a stretch that was published; in a dry run all there is to say. */
export function planRepublish({
  databases,
  names,
  stretch,
  clock,
}: Pick<RepublishOptions, "databases" | "names" | "stretch" | "clock">): Promise<
  readonly RepublishedOutbox[]
> {
  return Promise.all(
    names.map(async (database) => ({
      database,
      events: await countPublished(databases[database], stretch, clock.now()),
    })),
  );
}

/** Whether events of the stretch may have left the outbox already; what has cannot be published again. */
export function reachesPastRetention({ since }: Stretch, now: number): boolean {
  return since < now - OUTBOX_RETENTION_MS;
}

/**
 * One outbox after the other, oldest events first, so that each saga's keep their order. Cut short, it is run again with the same
 * times: what was published again meanwhile is then published a third time, which does nothing.
 */
export async function republish(options: RepublishOptions): Promise<RepublishReport> {
  const { databases, names, stretch, clock, newId, actor, reason, signal } = options;
  const run_id = newId();
  const outboxes: RepublishedOutbox[] = [];
  for (const database of names) {
    if (signal.aborted) break;
    const action_id = newId();
    const act = { action_id, run_id, action: "outbox.republish", subject: database, saga_id: null } as const;
    await recordActions(databases.saga, [
      { ...act, actor, reason, outcome: null, detail: describe(stretch), at: clock.now() },
    ]);
    const events = await republishOutbox(options, database);
    outboxes.push({ database, events });
    const detail = `${events} events ${describe(stretch)}`;
    const outcome = signal.aborted ? "interrupted" : "republished";
    await settleActions(databases.saga, [{ action_id, outcome, detail }]);
  }
  return { run_id, outboxes, interrupted: signal.aborted };
}

async function republishOutbox(
  { databases, stretch, clock, signal, onProgress, onWaiting }: RepublishOptions,
  database: DatabaseName,
): Promise<number> {
  const sql = databases[database];
  const now = clock.now();
  const of = await countPublished(sql, stretch, now);
  let events = 0;
  let after: string | null = null;
  while (!signal.aborted) {
    const { count, last } = await unpublish(sql, stretch, now, after, BATCH);
    events += count;
    after = last;
    onProgress({ database, events, of });
    if (count < BATCH) break;
    for (let polls = 0; !signal.aborted; polls++) {
      const { unpublished } = await measureBacklog(sql, MAX_WAITING);
      if (unpublished < MAX_WAITING) break;
      if (polls > 0 && polls % POLLS_PER_REMINDER === 0) onWaiting(database, unpublished);
      await pause(DRAIN_POLL_MS, signal);
    }
  }
  return events;
}

function describe({ since, until }: Stretch): string {
  return `from ${new Date(since).toISOString()} to ${new Date(until).toISOString()}`;
}
