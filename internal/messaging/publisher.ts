// Publishes what a role has written to its outbox, right after the commit, from memory. The relay publishes the rest: the events of
// a process that died, and events written while Kafka was unavailable. Wired by platform/publishing.ts.
//
// The order makes this safe: an event is published only after its commit, and marked only after Kafka has it. Anything lost in
// between is still unpublished in the outbox. When both publish an event, the inbox of every consumer drops the second copy.
import { type BatchProducer, type ProduceFailure, RECORD_SEPARATOR } from "../kernel/ports.ts";
import { AppError, describeError } from "../kernel/errors.ts";
import type { OutboxRule } from "../../schemas/outbox-rules.ts";
import { ACCESS_DENIED, Denial, deniedText } from "./access-denied.ts";
import type { AppendedEvent, Database, Transaction } from "./database.ts";
import { lingerMs, LoadMeter } from "./linger.ts";
import { notifyRelay } from "./outbox.ts";
import { kept, namesOfRefused, REFUSED, type RefusedRecord, refusedRecords } from "./refused-records.ts";
import { markPublishedFree } from "./relay-store.ts";
import { endSends, startSends } from "./send-spans.ts";
import type { PublisherMetrics } from "./telemetry.ts";
import { type Log, noTracer, type Tracer } from "../kernel/telemetry.ts";

/** Above this many events in flight, Kafka does not keep up; the relay publishes the rest. */
const MAX_IN_FLIGHT_EVENTS = 20_000;
/** Marks are not urgent, and one statement for many is cheap. Well below PUBLISHER_GRACE_MS. */
const MARK_EVERY_MS = 200;
const MARK_BATCH = 2_000;
/** Pause after a failure: during an outage every batch fails, and the relay tries as well. */
const REST_MS = 1_000;
const LOG_EVERY_MS = 10_000;
/** A refusal counts this long. */
const DENIAL_MS = 30_000;
/** A stopping role waits at most this long for Kafka, and as long again for the marks; the relay does the rest. */
const CLOSE_PATIENCE_MS = 1_000;

/** How long the relay leaves an event to the process that wrote it, in milliseconds. */
export const PUBLISHER_GRACE_MS = 2_000;

export interface PublisherOptions {
  readonly database: Database;
  /** For metrics and logs: `saga`, `inventory`, .. */
  readonly databaseName: string;
  /** What this outbox may send. */
  readonly rule: OutboxRule;
  readonly metrics: PublisherMetrics;
  readonly log: Log;
  /** Nothing is traced without it. */
  readonly tracer?: Tracer;
}

export class Publisher implements AsyncDisposable {
  readonly #options: PublisherOptions;
  readonly #meter = new LoadMeter();
  readonly #producing = new Set<Promise<void>>();
  #producer: BatchProducer | undefined;
  /** Waiting for the linger time to end. */
  #lingering: AppendedEvent[] = [];
  #sendTimer: Timer | undefined;
  /** Lingering, or on the way to Kafka. */
  #inFlight = 0;
  #unmarked: string[] = [];
  #markTimer: Timer | undefined;
  #marking = Promise.resolve();
  #restsUntil = Number.NEGATIVE_INFINITY;
  #loggedAt = Number.NEGATIVE_INFINITY;
  readonly #denial = new Denial(DENIAL_MS, () => performance.now());

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /** From now on this publishes new events. The relay takes what was committed before, by this process or one that died. */
  publishWith(producer: BatchProducer): void {
    this.#producer = producer;
    this.#callRelay();
  }

  /** Takes the events of a committed transaction. Never throws and never blocks. */
  offer(events: readonly AppendedEvent[]): void {
    if (this.#producer === undefined || events.length === 0) return;
    if (this.#inFlight + events.length > MAX_IN_FLIGHT_EVENTS || performance.now() < this.#restsUntil) {
      this.#options.metrics.declined.inc({ database: this.#options.databaseName }, events.length);
      return;
    }
    this.#inFlight += events.length;
    this.#lingering.push(...events);
    this.#sendTimer ??= setTimeout(() => this.#send(), lingerMs(this.#meter.load));
  }

  #send(): void {
    clearTimeout(this.#sendTimer);
    this.#sendTimer = undefined;
    const events = this.#lingering;
    const producer = this.#producer;
    if (producer === undefined || events.length === 0) return;
    this.#lingering = [];
    this.#meter.saw(events.length, 0);
    const producing = this.#produce(producer, events).finally(() => {
      this.#inFlight -= events.length;
      this.#producing.delete(producing);
    });
    this.#producing.add(producing);
  }

  async #produce(producer: BatchProducer, events: readonly AppendedEvent[]): Promise<void> {
    const { metrics, databaseName: database, tracer = noTracer, rule } = this.#options;
    const text = events.map(({ record }) => record).join(RECORD_SEPARATOR);
    const refused = refusedRecords(text, rule);
    if (refused.length > 0) {
      this.#refuse(refused, events);
      const rest = kept(events, refused);
      return rest.length === 0 ? undefined : this.#produce(producer, rest);
    }
    const spans = startSends(tracer, database, text);
    try {
      const failures = await producer.produce(text);
      endSends(spans, failures[0]);
      const failed = new Set(failures.map(({ index }) => index));
      const published = events.filter((_, index) => !failed.has(index)).map(({ event_id }) => event_id);
      metrics.published.inc({ database }, published.length);
      for (const { code } of failures) metrics.failed.inc({ database, code });
      if (this.#unmarked.length < MAX_IN_FLIGHT_EVENTS) this.#unmarked.push(...published);
      this.#markTimer ??= setTimeout(() => this.#markSoon(), MARK_EVERY_MS);
      this.#reportFailures(failures, events);
    } catch (error) {
      endSends(spans, error);
      this.#denial.noteError(error);
      metrics.failed.inc(
        { database, code: error instanceof AppError ? error.code : "UNKNOWN" },
        events.length,
      );
      this.#restsUntil = performance.now() + REST_MS;
      this.#failed("not delivered", error, events.length);
    }
  }

  /** A mistake of this role: the relay meets them in the outbox, keeps them there and raises the alert. */
  #refuse(refused: readonly RefusedRecord[], events: readonly AppendedEvent[]): void {
    const { metrics, databaseName: database, log } = this.#options;
    metrics.failed.inc({ database, code: REFUSED }, refused.length);
    const ids = events.map(({ event_id }) => event_id);
    const fields = { database, count: refused.length, events: namesOfRefused(refused, ids) };
    log.error(fields, "this outbox may not send these events; they stay unpublished");
  }

  #reportFailures(failures: readonly ProduceFailure[], events: readonly AppendedEvent[]): void {
    const [first] = failures;
    if (first === undefined) return;
    const denied = failures.filter(({ code }) => code === ACCESS_DENIED);
    const records = events.map(({ record }) => record);
    const reason =
      denied.length === 0 ? first.message : deniedText(this.#options.databaseName, denied, records);
    if (denied.length > 0) this.#denial.note(reason);
    this.#failed("not delivered", new Error(reason), failures.length);
  }

  /** What Kafka refused to take lately; null if it took everything. For readiness. */
  denied(): string | null {
    return this.#denial.reason;
  }

  /** Runs one statement after the other, however long each takes. */
  #markSoon(): void {
    this.#markTimer = undefined;
    this.#marking = this.#marking.then(() => this.#mark());
  }

  /** A failed mark is not retried: the relay publishes the events once more and marks them. */
  async #mark(): Promise<void> {
    const { database } = this.#options;
    while (this.#unmarked.length > 0) {
      const ids = this.#unmarked.splice(0, MARK_BATCH);
      try {
        // In a transaction, because a hanging transaction times out.
        await database.transaction(async ({ tx, finish }) => finish([markPublishedFree(tx, ids)]));
      } catch (error) {
        this.#failed("published but not marked", error, ids.length);
      }
    }
  }

  #failed(what: string, error: unknown, events: number): void {
    const now = performance.now();
    if (now - this.#loggedAt < LOG_EVERY_MS) return;
    this.#loggedAt = now;
    const { log, databaseName } = this.#options;
    const fields = { database: databaseName, events, err: error };
    log.warn(fields, `events were ${what}; the relay takes over: ${describeError(error)}`);
  }

  /** A failure does no harm: the relay also runs by itself. */
  #callRelay(): void {
    Promise.resolve(notifyRelay(this.#options.database.sql)).catch(() => undefined);
  }

  /**
   * Nothing may be offered after this. Events that Kafka has are marked; the relay publishes those that Kafka does not take soon.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#send();
    await Promise.race([Promise.all(this.#producing), Bun.sleep(CLOSE_PATIENCE_MS)]);
    clearTimeout(this.#markTimer);
    this.#markSoon();
    await Promise.race([this.#marking, Bun.sleep(CLOSE_PATIENCE_MS)]);
    await this.#producer?.close();
  }
}

/** The same database; after each commit it offers to `publisher` what the transaction appended to the outbox. */
export function publishing(database: Database, publisher: Pick<Publisher, "offer">): Database {
  return {
    get sql() {
      return database.sql;
    },
    async transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
      const appended: AppendedEvent[] = [];
      const result = await database.transaction(({ tx, send, finish }) =>
        work({ tx, send, finish, appended }),
      );
      publisher.offer(appended);
      return result;
    },
    listen: (channel, onNotify, onReconnect) => database.listen(channel, onNotify, onReconnect),
    faultOf: (error) => database.faultOf(error),
  };
}
