// Publishes what a role has written to its outbox, right after the commit, from what the process still has in memory. The relay
// publishes what this does not: the events of a process that died, and what came while Kafka was away. Wired by
// platform/publishing.ts.
//
// The order is what makes it safe: an event goes out only after its commit, and is marked only after Kafka has it. Whatever is
// lost in between is still unpublished in the outbox. Where both publish an event, every consumer's inbox absorbs the second.
import { type BatchProducer, RECORD_SEPARATOR } from "../kernel/ports.ts";
import { AppError, describeError } from "../kernel/errors.ts";
import type { AppendedEvent, Database, Transaction } from "./database.ts";
import { lingerMs, LoadMeter } from "./linger.ts";
import { notifyRelay } from "./outbox.ts";
import { markPublishedFree } from "./relay-store.ts";
import type { PublisherMetrics } from "./telemetry.ts";
import type { Log } from "../kernel/telemetry.ts";

/** Kafka does not keep up, and what comes on top is the relay's. */
const MAX_IN_FLIGHT_EVENTS = 20_000;
/** Nobody waits for a mark, and one statement for many is cheap. Well below PUBLISHER_GRACE_MS. */
const MARK_EVERY_MS = 200;
const MARK_BATCH = 2_000;
/** After a failure: an outage fails every batch, and the relay tries as well. */
const REST_MS = 1_000;
const TOLD_EVERY_MS = 10_000;
/** So long a role that stops waits for Kafka, and for the marks; the relay has the rest. */
const CLOSE_PATIENCE_MS = 1_000;

/** So long, in milliseconds, the relay leaves an event to the process that wrote it. */
export const PUBLISHER_GRACE_MS = 2_000;

export interface PublisherOptions {
  readonly database: Database;
  /** For metrics and logs: `saga`, `inventory`, .. */
  readonly databaseName: string;
  readonly metrics: PublisherMetrics;
  readonly log: Log;
}

export class Publisher implements AsyncDisposable {
  readonly #options: PublisherOptions;
  readonly #meter = new LoadMeter();
  readonly #producing = new Set<Promise<void>>();
  #producer: BatchProducer | undefined;
  /** Waiting for others to go with them. */
  #gathered: AppendedEvent[] = [];
  #sendTimer: Timer | undefined;
  /** Gathered, or with Kafka. */
  #inFlight = 0;
  #unmarked: string[] = [];
  #markTimer: Timer | undefined;
  #marking = Promise.resolve();
  #restsUntil = Number.NEGATIVE_INFINITY;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /** From now on events are published here. What was committed before, by this process or one that died, the relay is to take. */
  publishWith(producer: BatchProducer): void {
    this.#producer = producer;
    this.#callRelay();
  }

  /** Takes events whose transaction is committed. Never throws, and keeps nobody waiting. */
  offer(events: readonly AppendedEvent[]): void {
    if (this.#producer === undefined || events.length === 0) return;
    if (this.#inFlight + events.length > MAX_IN_FLIGHT_EVENTS || performance.now() < this.#restsUntil) {
      this.#options.metrics.declined.inc({ database: this.#options.databaseName }, events.length);
      return;
    }
    this.#inFlight += events.length;
    this.#gathered.push(...events);
    this.#sendTimer ??= setTimeout(() => this.#send(), lingerMs(this.#meter.load));
  }

  #send(): void {
    clearTimeout(this.#sendTimer);
    this.#sendTimer = undefined;
    const events = this.#gathered;
    const producer = this.#producer;
    if (producer === undefined || events.length === 0) return;
    this.#gathered = [];
    this.#meter.saw(events.length, 0);
    const producing = this.#produce(producer, events).finally(() => {
      this.#inFlight -= events.length;
      this.#producing.delete(producing);
    });
    this.#producing.add(producing);
  }

  async #produce(producer: BatchProducer, events: readonly AppendedEvent[]): Promise<void> {
    const { metrics, databaseName: database } = this.#options;
    try {
      const failures = await producer.produce(events.map(({ record }) => record).join(RECORD_SEPARATOR));
      const failed = new Set(failures.map(({ index }) => index));
      const published = events.filter((_, index) => !failed.has(index)).map(({ event_id }) => event_id);
      metrics.published.inc({ database }, published.length);
      for (const { code } of failures) metrics.failed.inc({ database, code });
      if (this.#unmarked.length < MAX_IN_FLIGHT_EVENTS) this.#unmarked.push(...published);
      this.#markTimer ??= setTimeout(() => this.#markSoon(), MARK_EVERY_MS);
      if (failures.length > 0) this.#failed("not delivered", failures[0], failures.length);
    } catch (error) {
      metrics.failed.inc(
        { database, code: error instanceof AppError ? error.code : "UNKNOWN" },
        events.length,
      );
      this.#restsUntil = performance.now() + REST_MS;
      this.#failed("not delivered", error, events.length);
    }
  }

  /** One statement after the other, however long one takes. */
  #markSoon(): void {
    this.#markTimer = undefined;
    this.#marking = this.#marking.then(() => this.#mark());
  }

  /** What cannot be marked is not tried again: the relay publishes it once more, and marks it. */
  async #mark(): Promise<void> {
    const { database } = this.#options;
    while (this.#unmarked.length > 0) {
      const ids = this.#unmarked.splice(0, MARK_BATCH);
      try {
        // A transaction, because one that hangs is given up in the end.
        await database.transaction(async ({ tx, finish }) => finish([markPublishedFree(tx, ids)]));
      } catch (error) {
        this.#failed("published and not marked", error, ids.length);
      }
    }
  }

  #failed(what: string, error: unknown, events: number): void {
    const now = performance.now();
    if (now - this.#toldAt < TOLD_EVERY_MS) return;
    this.#toldAt = now;
    const { log, databaseName } = this.#options;
    const fields = { database: databaseName, events, err: error };
    log.warn(fields, `events were ${what}, and are left to the relay: ${describeError(error)}`);
  }

  /** Harmless where it fails: the relay comes by itself. */
  #callRelay(): void {
    Promise.resolve(notifyRelay(this.#options.database.sql)).catch(() => undefined);
  }

  /** Nothing may be offered any more. What Kafka has is marked; what it does not take soon is the relay's. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#send();
    await Promise.race([Promise.all(this.#producing), Bun.sleep(CLOSE_PATIENCE_MS)]);
    clearTimeout(this.#markTimer);
    this.#markSoon();
    await Promise.race([this.#marking, Bun.sleep(CLOSE_PATIENCE_MS)]);
    await this.#producer?.close();
  }
}

/** The same database, what its transactions append to the outbox offered to `publisher` once it is committed. */
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
    listen: (channel, onNotify) => database.listen(channel, onNotify),
    faultOf: (error) => database.faultOf(error),
  };
}
