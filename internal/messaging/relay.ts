// Publishes one outbox to Kafka: claim, produce, wait for every delivery report, mark, commit. Any number of relays may run on one
// database: SKIP LOCKED gives each its own rows, and the claim of a relay that dies ends with its connection.
//
// This is the one place with a network call inside a database transaction, on purpose: the row locks are the claim and must outlive
// the produce. The producer's delivery timeout must stay below the idle-in-transaction timeout of the database. If a claim is cut
// off, its events are only published twice, and the inbox of every consumer drops the second copy.
import { isDue } from "../kernel/backoff.ts";
import { AppError } from "../kernel/errors.ts";
import {
  type BatchProducer,
  type Clock,
  type ProduceFailure,
  RECORD_SEPARATOR,
  type RunResult,
} from "../kernel/ports.ts";
import type { OutboxRule } from "../../schemas/outbox-rules.ts";
import type { Database } from "./database.ts";
import { lingerMs, LoadMeter } from "./linger.ts";
import { type Claim, ClaimFloor } from "./claim-floor.ts";
import { ACCESS_DENIED, Denial, deniedText } from "./access-denied.ts";
import { kept, namesOfRefused, REFUSED, refusedRecords, withoutRefused } from "./refused-records.ts";
import {
  claimEvents,
  type ClaimedEvents,
  markPublished,
  measureBacklog,
  measureRefused,
  oldestSnapshotSeconds,
  type RefusedBacklog,
  type Waiting,
  whatWaits,
} from "./relay-store.ts";
import { endSends, startSends } from "./send-spans.ts";
import type { RelayMetrics } from "./telemetry.ts";
import { type Log, noTracer, type Tracer } from "../kernel/telemetry.ts";
import { timeOfId } from "../kernel/time-of-id.ts";

/** Events per claim. */
const RELAY_BATCH_EVENTS = 1_000;
/** How long the producer of this relay may take for a batch; see the top of this file. */
export const RELAY_DELIVERY_TIMEOUT_MS = 5_000;
/** An event that Kafka rejects is skipped for this long; the others continue. */
const PERMANENT_PAUSE_MS = 30_000;
/** A refusal counts until the next try has surely been made. */
const DENIAL_MS = 2 * PERMANENT_PAUSE_MS;
/** The same for an event that failed while others were delivered: a partition without a leader recovers soon. */
const UNDELIVERED_PAUSE_MS = 1_000;
/** Above this many skipped events, skipping does not help: retry all. */
const MAX_SET_ASIDE = 10_000;
/** A look that takes longer, or fails, is ignored: the claim has a connection of its own with a time limit, and says what is wrong. */
const LOOK_MS = 1_000;
/** After a measurement the next one waits this many times its duration. */
const REST_PER_MEASUREMENT = 20;
/** The maximum of the gauges; a longer backlog shows as this. */
const MAX_BACKLOG_MEASURED = 1_000_000;

/** Error codes of librdkafka that sending the same bytes again cannot fix. */
const PERMANENT_ERRORS: ReadonlySet<string> = new Set([
  "MSG_SIZE_TOO_LARGE",
  "RECORD_LIST_TOO_LARGE",
  "INVALID_MSG_SIZE",
  "INVALID_MSG",
  "INVALID_RECORD",
  "INVALID_TIMESTAMP",
  "TOPIC_EXCEPTION",
  "UNKNOWN_TOPIC_OR_PART",
  ACCESS_DENIED,
  "POLICY_VIOLATION",
  "_UNKNOWN_TOPIC",
  "_UNKNOWN_PARTITION",
  "_BAD_MSG",
]);

/** Reported for a single record, or for every record of a batch that is larger than its topic allows. */
const TOO_LARGE: ReadonlySet<string> = new Set(["MSG_SIZE_TOO_LARGE", "RECORD_LIST_TOO_LARGE"]);

export interface RelayOptions {
  readonly database: Database;
  /** For metrics and logs: `saga`, `inventory`, .. */
  readonly databaseName: string;
  /** What this outbox may send. Everything else stays in it, is counted, and does not delay the rest. */
  readonly rule: OutboxRule;
  readonly producer: BatchProducer;
  readonly clock: Clock;
  readonly metrics: RelayMetrics;
  readonly log: Log;
  /** Nothing is traced without it. */
  readonly tracer?: Tracer;
  readonly batchEvents?: number;
  /** How long an event is left to the process that wrote it, in milliseconds, unless `wake` is called. Default: not at all. */
  readonly graceMs?: number;
  /** A monotonic clock in milliseconds, for durations. */
  readonly monotonic?: () => number;
}

export class Relay {
  readonly #options: RelayOptions;
  readonly #maxEvents: number;
  #events: number;
  readonly #floor = new ClaimFloor();
  readonly #monotonic: () => number;
  readonly #meter: LoadMeter;
  /** Monotonic time of the last `wake`; undefined when everything written by then is published. */
  #wokenAt: number | undefined;
  #measureDueAt = Number.NEGATIVE_INFINITY;
  /**
   * Events that Kafka did not take, with the time until which they are skipped. A restart forgets them, so they are retried then.
   */
  readonly #setAside = new Map<string, number>();
  /** True while the outbox has events that it may not send: claims then leave them out. Until one is seen, that would be wasted work. */
  #hasRefused = false;
  /** True after a claim that found nothing. */
  #isIdle = false;
  readonly #denial: Denial;

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#maxEvents = options.batchEvents ?? RELAY_BATCH_EVENTS;
    this.#events = this.#maxEvents;
    this.#monotonic = options.monotonic ?? (() => performance.now());
    this.#meter = new LoadMeter(this.#monotonic);
    this.#wokenAt = this.#monotonic();
    this.#denial = new Denial(DENIAL_MS, () => options.clock.now());
  }

  /**
   * How long to let events accumulate before the next claim, in milliseconds. librdkafka sends a request per partition, so a claim
   * of a few events costs nearly as much as a claim of a hundred.
   */
  get lingerMs(): number {
    return lingerMs(this.#meter.load);
  }

  /**
   * Call this when events wait that no process will publish. The next claims take everything written by now, however young, until
   * none of it is left.
   */
  wake(): void {
    this.#wokenAt = this.#monotonic();
  }

  /**
   * Call this when the connection was lost. The database may have been restored from the past: events that were published are
   * waiting again, and are older than any that was claimed lately.
   */
  reconnected(): void {
    this.#floor.forget();
    this.wake();
  }

  /** What Kafka refuses to take from this relay; null if nothing was refused lately. For readiness. */
  denied(): string | null {
    return this.#denial.reason;
  }

  /**
   * Publishes one claim; `processed` counts the claimed events. After a claim in vain it looks first whether anything is due. `isBlocked` says
   * whether events wait that cannot be claimed yet. Only a look knows of events that are left to their writer, so the pause after the first
   * run that found nothing must not be longer than between others. Throws when the database or Kafka is unavailable, with the claim released
   * and nothing lost; the caller backs off.
   */
  async runOnce(): Promise<RunResult> {
    const startedAt = this.#monotonic();
    const wokenAt = this.#wokenAt;
    const { graceMs = 0 } = this.#options;
    try {
      const waiting = wokenAt === undefined && this.#isIdle ? await this.#look(graceMs) : null;
      if (waiting?.isDue === false) {
        this.#meter.saw(0, this.#monotonic() - startedAt);
        return { processed: 0, hasMore: false, isBlocked: waiting.isAny || this.#setAside.size > 0 };
      }
      const sinceWokenMs = wokenAt === undefined ? graceMs : Math.floor(startedAt - wokenAt);
      const limit = this.#events;
      const published = await this.#publishClaim(limit, Math.min(graceMs, sinceWokenMs));
      // Events that were put back are old, and only a scan from the beginning is sure to find them. `wake` may have been called
      // meanwhile.
      const isAllTaken = published.processed < limit && published.from === 0;
      if (isAllTaken && this.#wokenAt === wokenAt) this.#wokenAt = undefined;
      this.#isIdle = published.processed === 0;
      this.#events = Math.min(this.#maxEvents, this.#events * 2);
      this.#meter.saw(published.processed, this.#monotonic() - startedAt);
      // What is due and could not be claimed has been claimed by another relay, which may die.
      const isBlocked = waiting !== null || this.#setAside.size > 0 || this.#wokenAt !== undefined;
      return { processed: published.processed, hasMore: published.processed === limit, isBlocked };
    } catch (error) {
      // A batch that the database can read row by row but not as one text (dead letters of a megabyte each) must not block the
      // queue.
      if (this.#options.database.faultOf(error) === "other")
        this.#events = Math.max(1, Math.floor(this.#events / 4));
      throw error;
    }
  }

  /** Before a claim that is probably in vain: a claim is three statements and two round trips. */
  async #look(graceMs: number): Promise<Waiting> {
    const { database, rule, clock } = this.#options;
    const startedAt = this.#monotonic();
    const from = this.#floor.next(startedAt);
    const range = { from, graceMs, rule: this.#hasRefused ? rule : undefined };
    const { promise: late, resolve } = Promise.withResolvers<Waiting>();
    const unknown = { isDue: true, isAny: true };
    const timer = setTimeout(() => resolve(unknown), LOOK_MS);
    const asked = whatWaits(database.sql, this.#stillAside(), range).catch(() => unknown);
    const waiting = await Promise.race([asked, late]).finally(() => clearTimeout(timer));
    const endedAt = this.#monotonic();
    if (!waiting.isDue) this.#scanned({ from, oldest: clock.now() - graceMs, startedAt, endedAt });
    return waiting;
  }

  #scanned(claim: Claim): void {
    this.#floor.claimed(claim);
    const { metrics, databaseName: database } = this.#options;
    if (claim.from === 0) metrics.walkSeconds.set({ database }, (claim.endedAt - claim.startedAt) / 1_000);
  }

  #publishClaim(
    limit: number,
    graceMs: number,
  ): Promise<{ readonly processed: number; readonly from: number }> {
    const { database, databaseName, metrics, clock } = this.#options;
    const rule = this.#hasRefused ? this.#options.rule : undefined;
    return database.transaction(async (transaction) => {
      const { tx } = transaction;
      const startedAt = this.#monotonic();
      const from = this.#floor.next(startedAt);
      const [claim] = await transaction.send([
        claimEvents(tx, limit, this.#stillAside(), { from, graceMs, rule }),
      ]);
      const [first] = claim.ids;
      const endedAt = this.#monotonic();
      // An empty claim means that others publish and mark the events, and leave as many dead entries in the index.
      const oldest = first === undefined ? clock.now() - graceMs : timeOfId(first);
      this.#scanned({ from, oldest, startedAt, endedAt });
      const { text, ids } = this.#withoutRefused(claim);
      const published = ids.length === 0 ? [] : await this.#produce(text, ids);
      await transaction.finish(published.length === 0 ? [] : [markPublished(tx, published)]);
      // Counted after the commit: events of a failed commit are published again and count then.
      metrics.published.inc({ database: databaseName }, published.length);
      return { processed: claim.ids.length, from };
    });
  }

  /** Updates the gauges, only as often as is cheap, because it reads the whole backlog. `processed` is the number of waiting events. */
  async measure(): Promise<RunResult | void> {
    const { database, databaseName, metrics, clock } = this.#options;
    metrics.snapshotSeconds.set({ database: databaseName }, await oldestSnapshotSeconds(database.sql));
    const startedAt = this.#monotonic();
    if (startedAt < this.#measureDueAt) return;
    const { unpublished, refused, oldestCreatedAt } = await this.#backlog();
    const endedAt = this.#monotonic();
    this.#measureDueAt = endedAt + (endedAt - startedAt) * REST_PER_MEASUREMENT;
    const ageMs = oldestCreatedAt === null ? 0 : Math.max(0, clock.now() - oldestCreatedAt);
    metrics.unpublished.set({ database: databaseName }, unpublished);
    metrics.refused.set({ database: databaseName }, refused);
    metrics.oldestSeconds.set({ database: databaseName }, ageMs / 1_000);
    return { processed: unpublished + refused, hasMore: false };
  }

  async #backlog(): Promise<RefusedBacklog> {
    const { database, rule } = this.#options;
    if (!this.#hasRefused)
      return { ...(await measureBacklog(database.sql, MAX_BACKLOG_MEASURED)), refused: 0 };
    const backlog = await measureRefused(database.sql, MAX_BACKLOG_MEASURED, rule);
    this.#hasRefused = backlog.refused > 0;
    return backlog;
  }

  /**
   * Events that this outbox may not send stay unpublished: they are evidence, and a newer relay may know them as good. They are forged,
   * or their service is newer than this relay.
   */
  #withoutRefused(claim: ClaimedEvents): ClaimedEvents {
    const { rule, databaseName, metrics, log } = this.#options;
    if (claim.ids.length === 0) return claim;
    const refused = refusedRecords(claim.text, rule);
    if (refused.length === 0) return claim;
    this.#hasRefused = true;
    metrics.failed.inc({ database: databaseName, code: REFUSED }, refused.length);
    const events = namesOfRefused(refused, claim.ids);
    log.error(
      { database: databaseName, count: refused.length, events },
      "this outbox may not send these events; they stay unpublished: who wrote them?",
    );
    return { text: withoutRefused(claim.text, refused), ids: kept(claim.ids, refused) };
  }

  /** Returns the ids that Kafka has now. Throws KAFKA_UNAVAILABLE when every event failed with an error that a retry can fix. */
  async #produce(text: string, ids: readonly string[]): Promise<readonly string[]> {
    const failures = await this.#send(text).catch((error: unknown) => {
      this.#denial.noteError(error);
      throw error;
    });
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
    this.#putAside(failures, ids, text);
    const failed = new Set(failures.map(({ index }) => index));
    return ids.filter((_, index) => !failed.has(index));
  }

  async #send(text: string): Promise<readonly ProduceFailure[]> {
    const { producer, databaseName, tracer = noTracer } = this.#options;
    const spans = startSends(tracer, databaseName, text);
    try {
      const failures = await produceCut(producer, text);
      endSends(spans, failures[0]);
      return failures;
    } catch (error) {
      endSends(spans, error);
      throw error;
    }
  }

  /** Without this, each claim would start with the events that Kafka never takes, until they fill the batch. */
  #putAside(failures: readonly ProduceFailure[], ids: readonly string[], text: string): void {
    const { clock, log, databaseName } = this.#options;
    const now = clock.now();
    const denied = failures.filter(({ code }) => code === ACCESS_DENIED);
    if (denied.length > 0) this.#reportDenied(denied, text);
    const undelivered: ProduceFailure[] = [];
    for (const failure of failures) {
      const event_id = ids[failure.index];
      if (event_id === undefined) continue;
      const { code, message } = failure;
      const isPermanent = PERMANENT_ERRORS.has(code);
      this.#setAside.set(event_id, now + (isPermanent ? PERMANENT_PAUSE_MS : UNDELIVERED_PAUSE_MS));
      const fields = { database: databaseName, event_id, code, error: message };
      if (code === ACCESS_DENIED) continue;
      if (isPermanent) log.error(fields, "Kafka rejects an event; it stays unpublished and is retried later");
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
    log.warn(fields, "some events were not delivered, retrying");
  }

  /** One line for all. They stay unpublished and are tried again, which is why nothing is lost. */
  #reportDenied(denied: readonly ProduceFailure[], text: string): void {
    const { log, databaseName } = this.#options;
    const reason = deniedText(`the relay of ${databaseName}`, denied, text.split(RECORD_SEPARATOR));
    this.#denial.note(reason);
    log.error({ database: databaseName, events: denied.length, code: ACCESS_DENIED }, reason);
  }

  #stillAside(): readonly string[] {
    const now = this.#options.clock.now();
    for (const [id, until] of this.#setAside) if (isDue(until, now)) this.#setAside.delete(id);
    if (this.#setAside.size > MAX_SET_ASIDE) this.#setAside.clear();
    return [...this.#setAside.keys()];
  }
}

/**
 * Produces a claim. Records that a topic rejects as too large are produced again in two halves, until a rejected record is alone. A
 * topic may allow less than the producer's batches hold, and then it rejects whole batches of small events.
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
