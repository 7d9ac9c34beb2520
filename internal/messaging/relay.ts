// Drains one outbox into Kafka: claim, produce, wait for every delivery report, mark, commit. Any number of relays may run on
// one database: SKIP LOCKED gives each its own rows, and the claim of one that dies ends with its connection.
//
// The one place where a network call happens inside a database transaction, on purpose: the row locks are the claim, and they
// must outlive the produce. The producer's delivery timeout has to stay below the database's idle-in-transaction timeout;
// were a claim cut off, its events would merely be published twice, which every consumer's inbox absorbs.
import { isDue } from "../kernel/backoff.ts";
import { AppError } from "../kernel/errors.ts";
import {
  type BatchProducer,
  type Clock,
  type ProduceFailure,
  RECORD_SEPARATOR,
  type RunResult,
} from "../kernel/ports.ts";
import type { Database } from "./database.ts";
import { lingerMs, LoadMeter } from "./linger.ts";
import { ClaimFloor } from "./claim-floor.ts";
import { claimEvents, markPublished, measureBacklog, oldestSnapshotSeconds, timeOf } from "./relay-store.ts";
import type { RelayMetrics } from "./telemetry.ts";
import type { Log } from "../kernel/telemetry.ts";

/** Events per claim. */
const RELAY_BATCH_EVENTS = 1_000;
/** How long a producer for this relay may take over a batch; see the top of this file. */
export const RELAY_DELIVERY_TIMEOUT_MS = 5_000;
/** An event Kafka refuses is left alone for so long, and the others go on. */
const PERMANENT_PAUSE_MS = 30_000;
/** The same for one that could not be delivered while others could: a partition without a leader comes back soon. */
const UNDELIVERED_PAUSE_MS = 1_000;
/** Beyond so many set aside, something is wrong that skipping events does not help: they are tried with all others again. */
const MAX_SET_ASIDE = 10_000;
/** So many times as long as a measurement took it rests. */
const REST_PER_MEASUREMENT = 20;
/** The gauges' reach; a longer queue reads as this. */
const MAX_BACKLOG_MEASURED = 1_000_000;

/** librdkafka's names for what sending the same bytes again cannot change. */
const PERMANENT_ERRORS: ReadonlySet<string> = new Set([
  "MSG_SIZE_TOO_LARGE",
  "RECORD_LIST_TOO_LARGE",
  "INVALID_MSG_SIZE",
  "INVALID_MSG",
  "INVALID_RECORD",
  "INVALID_TIMESTAMP",
  "TOPIC_EXCEPTION",
  "UNKNOWN_TOPIC_OR_PART",
  "TOPIC_AUTHORIZATION_FAILED",
  "POLICY_VIOLATION",
  "_UNKNOWN_TOPIC",
  "_UNKNOWN_PARTITION",
  "_BAD_MSG",
]);

/** Said of a single record, or of every record of a batch that is larger than its topic takes. */
const TOO_LARGE: ReadonlySet<string> = new Set(["MSG_SIZE_TOO_LARGE", "RECORD_LIST_TOO_LARGE"]);

export interface RelayOptions {
  readonly database: Database;
  /** For metrics and logs: `saga`, `inventory`, .. */
  readonly databaseName: string;
  readonly producer: BatchProducer;
  readonly clock: Clock;
  readonly metrics: RelayMetrics;
  readonly log: Log;
  readonly batchEvents?: number;
  /** So long an event is left to the process that wrote it, in milliseconds, unless `wake` says otherwise. Default: not at all. */
  readonly graceMs?: number;
  /** Milliseconds of a clock that nobody sets, for durations. */
  readonly monotonic?: () => number;
}

export class Relay {
  readonly #options: RelayOptions;
  readonly #maxEvents: number;
  #events: number;
  readonly #floor = new ClaimFloor();
  readonly #monotonic: () => number;
  readonly #meter: LoadMeter;
  /** When somebody last asked for all that waits, by the monotonic clock; undefined when that is done. */
  #wokenAt: number | undefined;
  #measureDueAt = Number.NEGATIVE_INFINITY;
  /** Events Kafka did not take, with the time until which they are left alone. Forgotten at a restart: they are tried again. */
  readonly #setAside = new Map<string, number>();

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#maxEvents = options.batchEvents ?? RELAY_BATCH_EVENTS;
    this.#events = this.#maxEvents;
    this.#monotonic = options.monotonic ?? (() => performance.now());
    this.#meter = new LoadMeter(this.#monotonic);
    this.#wokenAt = this.#monotonic();
  }

  /**
   * How long to let events gather before the next claim, in milliseconds. librdkafka sends a request per partition, so a claim of
   * a few events costs nearly what a claim of a hundred does.
   */
  get lingerMs(): number {
    return lingerMs(this.#meter.load);
  }

  /**
   * Somebody says that events wait which nobody else will publish: the next claims take all that are written by now, however young,
   * until none of them is left.
   */
  wake(): void {
    this.#wokenAt = this.#monotonic();
  }

  /**
   * Publishes one claim; `processed` counts the events claimed. Throws when the database or
   * Kafka is away, with the claim released and nothing lost; the caller backs off.
   */
  async runOnce(): Promise<RunResult> {
    const startedAt = this.#monotonic();
    const wokenAt = this.#wokenAt;
    const { graceMs = 0 } = this.#options;
    try {
      const sinceWokenMs = wokenAt === undefined ? graceMs : Math.floor(startedAt - wokenAt);
      const limit = this.#events;
      const published = await this.#publishClaim(limit, Math.min(graceMs, sinceWokenMs));
      // What was put back is old, and only a look from the beginning on is sure to find it. Somebody may have asked anew meanwhile.
      const isAllTaken = published.processed < limit && published.from === 0;
      if (isAllTaken && this.#wokenAt === wokenAt) this.#wokenAt = undefined;
      this.#events = Math.min(this.#maxEvents, this.#events * 2);
      this.#meter.saw(published.processed, this.#monotonic() - startedAt);
      return { processed: published.processed, hasMore: published.processed === limit };
    } catch (error) {
      // A batch the database can read row by row but not as one text (dead letters of a megabyte each) must not block the queue.
      if (this.#options.database.faultOf(error) === "other")
        this.#events = Math.max(1, Math.floor(this.#events / 4));
      throw error;
    }
  }

  #publishClaim(
    limit: number,
    graceMs: number,
  ): Promise<{ readonly processed: number; readonly from: number }> {
    const { database, databaseName, metrics, clock } = this.#options;
    return database.transaction(async (transaction) => {
      const { tx } = transaction;
      const startedAt = this.#monotonic();
      const from = this.#floor.next(startedAt);
      const [claim] = await transaction.send([claimEvents(tx, limit, this.#stillAside(), { from, graceMs })]);
      const [first] = claim.ids;
      const endedAt = this.#monotonic();
      // Nothing that is due means that others publish and mark what there is, and leave as much behind in the index.
      const oldest = first === undefined ? clock.now() - graceMs : timeOf(first);
      this.#floor.claimed({ from, oldest, startedAt, endedAt });
      if (from === 0) metrics.walkSeconds.set({ database: databaseName }, (endedAt - startedAt) / 1_000);
      const published = claim.ids.length === 0 ? [] : await this.#produce(claim.text, claim.ids);
      await transaction.finish(published.length === 0 ? [] : [markPublished(tx, published)]);
      // Counted after the commit: events of a commit that fails are published again, and count then.
      metrics.published.inc({ database: databaseName }, published.length);
      return { processed: claim.ids.length, from };
    });
  }

  /** Brings the gauges up to date; not more often than it is cheap, because it reads all that waits. */
  async measure(): Promise<void> {
    const { database, databaseName, metrics, clock } = this.#options;
    metrics.snapshotSeconds.set({ database: databaseName }, await oldestSnapshotSeconds(database.sql));
    const startedAt = this.#monotonic();
    if (startedAt < this.#measureDueAt) return;
    const { unpublished, oldestCreatedAt } = await measureBacklog(database.sql, MAX_BACKLOG_MEASURED);
    const endedAt = this.#monotonic();
    this.#measureDueAt = endedAt + (endedAt - startedAt) * REST_PER_MEASUREMENT;
    const ageMs = oldestCreatedAt === null ? 0 : Math.max(0, clock.now() - oldestCreatedAt);
    metrics.unpublished.set({ database: databaseName }, unpublished);
    metrics.oldestSeconds.set({ database: databaseName }, ageMs / 1_000);
  }

  /** The ids that Kafka has now; throws KAFKA_UNAVAILABLE when it has none and could have had. */
  async #produce(text: string, ids: readonly string[]): Promise<readonly string[]> {
    const failures = await produceCut(this.#options.producer, text);
    if (failures.length === 0) return ids;
    const [first] = failures;
    for (const { code } of failures)
      this.#options.metrics.failed.inc({ database: this.#options.databaseName, code });
    if (
      first !== undefined &&
      failures.length === ids.length &&
      failures.every(({ code }) => !PERMANENT_ERRORS.has(code))
    ) {
      throw new AppError("KAFKA_UNAVAILABLE", `none of ${ids.length} events was delivered: ${first.message}`);
    }
    this.#putAside(failures, ids);
    const failed = new Set(failures.map(({ index }) => index));
    return ids.filter((_, index) => !failed.has(index));
  }

  /** Without this, events that Kafka never takes would be claimed first every time, until they fill the batch. */
  #putAside(failures: readonly ProduceFailure[], ids: readonly string[]): void {
    const { clock, log, databaseName } = this.#options;
    const now = clock.now();
    const undelivered: ProduceFailure[] = [];
    for (const failure of failures) {
      const event_id = ids[failure.index];
      if (event_id === undefined) continue;
      const { code, message } = failure;
      const isPermanent = PERMANENT_ERRORS.has(code);
      this.#setAside.set(event_id, now + (isPermanent ? PERMANENT_PAUSE_MS : UNDELIVERED_PAUSE_MS));
      const fields = { database: databaseName, event_id, code, error: message };
      if (isPermanent)
        log.error(fields, "Kafka refuses an event; it stays unpublished and is tried again later");
      else undelivered.push(failure);
    }
    const [first] = undelivered;
    if (first === undefined) return;
    // One line for all: a lost broker fails thousands.
    const fields = {
      database: databaseName,
      events: undelivered.length,
      code: first.code,
      error: first.message,
    };
    log.warn(fields, "some events were not delivered and are tried again");
  }

  #stillAside(): readonly string[] {
    const now = this.#options.clock.now();
    for (const [id, until] of this.#setAside) if (isDue(until, now)) this.#setAside.delete(id);
    if (this.#setAside.size > MAX_SET_ASIDE) this.#setAside.clear();
    return [...this.#setAside.keys()];
  }
}

/**
 * Produces a claim; what a topic refuses as too large is produced again in two halves, until what is refused is a record by
 * itself. A topic may take less than the producer's batches hold, and then refuses whole batches of small events.
 */
async function produceCut(producer: BatchProducer, text: string): Promise<readonly ProduceFailure[]> {
  const failures = await producer.produce(text);
  const tooLarge = failures.filter(({ code }) => TOO_LARGE.has(code));
  if (tooLarge.length < 2) return failures;
  const records = text.split(RECORD_SEPARATOR);
  const middle = Math.ceil(tooLarge.length / 2);
  const still: ProduceFailure[] = [];
  // One after the other: together they would be one batch again.
  for (const half of [tooLarge.slice(0, middle), tooLarge.slice(middle)]) {
    const again = half.map(({ index }) => records[index] ?? "").join(RECORD_SEPARATOR);
    for (const failure of await produceCut(producer, again))
      still.push({ ...failure, index: half[failure.index]?.index ?? failure.index });
  }
  return [...failures.filter(({ code }) => !TOO_LARGE.has(code)), ...still];
}
