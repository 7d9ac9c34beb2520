// The smallest service that the message processor can run: it counts the CancelOrder commands of each saga and replies with
// OrderCancelled. It has its own database and topic and any number of processes. For the tests of messaging.
import type { CancelOrder } from "../../schemas/commands.ts";
import type { DeadLetter } from "../../schemas/dead-letter.ts";
import type { Message } from "../../schemas/registry.ts";
import { TOPICS } from "../../schemas/topics.ts";
import { assert } from "../kernel/errors.ts";
import { type Consumer, FIELD_SEPARATOR, RECORD_SEPARATOR } from "../kernel/ports.ts";
import type { Database } from "../messaging/database.ts";
import type { RetryLimits } from "../messaging/retry-policy.ts";
import type { Handler } from "../messaging/handler.ts";
import type { HeldRow } from "../messaging/held-rows.ts";
import { MessageProcessor, type ProcessedCounts } from "../messaging/message-processor.ts";
import { RetryLoop } from "../messaging/retry.ts";
import { consumerMetrics } from "../messaging/telemetry.ts";
import { openConsumer } from "../platform/kafka/consumer.ts";
import { openProducer } from "../platform/kafka/producer.ts";
import { Metrics } from "../platform/metrics.ts";
import { openRedis } from "../platform/redis.ts";
import { cloneDatabase, type TestDatabase } from "./database.ts";
import { freshTopic } from "./kafka.ts";
import { kafkaBrokers, redisUrl } from "./servers.ts";

/** The count of each saga. The table only takes counts below REFUSED_BY_DATABASE. */
type Counts = Map<string, { count: number; isChanged: boolean }>;
const REFUSED_BY_DATABASE = 1_000;

export class CountingService implements AsyncDisposable {
  readonly name = `counting-${crypto.randomUUID()}`;
  readonly topic: string;
  readonly database: TestDatabase;
  /** Sagas whose decision throws, and sagas whose row the database rejects. */
  readonly throwing = new Set<string>();
  readonly refused = new Set<string>();

  private constructor(topic: string, database: TestDatabase) {
    this.topic = topic;
    this.database = database;
  }

  static async create(): Promise<CountingService> {
    const database = await cloneDatabase("order");
    await database.sql`create table counter (
      saga_id uuid primary key, count integer not null check (count < ${database.sql.unsafe(String(REFUSED_BY_DATABASE))}))`;
    await database.sql.unsafe("grant all on counter to order_app");
    return new CountingService(await freshTopic(), database);
  }

  /** Sends messages to the service's topic, in order, with their type as header. */
  async send(...messages: readonly CancelOrder[]): Promise<void> {
    await using producer = await openProducer({ brokers: kafkaBrokers(), clientId: "test" });
    const lines = messages.map((message) =>
      [this.topic, message.saga_id, message.type, JSON.stringify(message)].join(FIELD_SEPARATOR),
    );
    const failures = await producer.produce(lines.join(RECORD_SEPARATOR));
    assert(failures.length === 0, `could not send: ${failures[0]?.message}`);
  }

  /** Starts a process of the service: a member of its consumer group with its own memory. */
  async start(options: ProcessOptions = {}): Promise<CountingProcess> {
    const consumer = await openConsumer({
      brokers: kafkaBrokers(),
      clientId: "test",
      groupId: this.name,
      topics: [this.topic],
      types: [],
    });
    return new CountingProcess(this, consumer, options);
  }

  async counts(): Promise<Record<string, number>> {
    const rows = await this.database.sql<
      { saga_id: string; count: number }[]
    >`select saga_id, count from counter`;
    return Object.fromEntries(rows.map((row) => [row.saga_id, row.count]));
  }

  /** The messages in the outbox, oldest first, without dead letters. */
  async outbox(): Promise<
    readonly { readonly topic: string; readonly partition_key: string; readonly payload: Message }[]
  > {
    return this.database.sql`
      select topic, partition_key, payload from outbox where topic <> ${TOPICS.deadLetters} order by created_at, event_id`;
  }

  async deadLetters(): Promise<readonly DeadLetter[]> {
    const rows = await this.database.sql<{ payload: DeadLetter }[]>`
      select payload from outbox where topic = ${TOPICS.deadLetters} order by created_at, event_id`;
    return rows.map((row) => row.payload);
  }

  async pendingRetries(): Promise<
    readonly { message_id: string; attempts: number; next_attempt_at: number }[]
  > {
    return this.database.sql`select message_id, attempts, next_attempt_at from retry order by message_id`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.database[Symbol.asyncDispose]();
  }

  handler(retryForever: boolean): Handler<"CancelOrder", Counts> {
    const { name, throwing, refused } = this;
    return {
      service: name,
      topics: [TOPICS.commands],
      types: ["CancelOrder"],
      ownsUnknown: true,
      retryForever: new Set(retryForever ? ["CancelOrder"] : []),
      eventTopic: TOPICS.orderEvents,
      async load(tx, messages) {
        const ids = JSON.stringify([...new Set(messages.map((message) => message.saga_id))]);
        const rows = await tx<{ saga_id: string; count: number }[]>`
          select saga_id, count from counter
           where saga_id = any(array(select value::uuid from json_array_elements_text(${ids}::text::json)))
           order by saga_id for update`;
        return new Map(rows.map((row) => [row.saga_id, { count: row.count, isChanged: false }]));
      },
      held(tx, messages) {
        const ids = JSON.stringify([...new Set(messages.map((message) => message.saga_id))]);
        return tx<HeldRow[]>`
          with wanted as materialized (
            select saga_id from counter
             where saga_id = any(array(select value::uuid from json_array_elements_text(${ids}::text::json)))),
          free as materialized (
            select saga_id from counter where saga_id = any(array(select saga_id from wanted))
             order by saga_id for update skip locked)
          select saga_id, 'counter, saga ' || saga_id as row
            from (select saga_id from wanted except select saga_id from free) held`;
      },
      decide(counts, { saga_id }) {
        const count = (counts.get(saga_id)?.count ?? 0) + (refused.has(saga_id) ? REFUSED_BY_DATABASE : 1);
        counts.set(saga_id, { count, isChanged: true });
        // Throw after the change, so that a half-applied decision would be visible.
        assert(!throwing.has(saga_id), "this saga's decision throws");
        return [{ type: "OrderCancelled", saga_id }];
      },
      save(tx, counts) {
        const rows = [...counts].map(([saga_id, { count }]) => ({ saga_id, count }));
        return [
          tx`insert into counter select * from json_populate_recordset(null::counter, ${JSON.stringify(rows)}::text::json)
             on conflict (saga_id) do update set count = excluded.count`,
        ];
      },
    };
  }
}

export interface ProcessOptions {
  readonly retryForever?: boolean;
  readonly retryLimits?: RetryLimits;
  /** Replaces the real Redis, for example with a proxy in front of it. */
  readonly redisUrl?: string;
  /** Longer than a role's, for tests of what is in Redis: on a busy machine a role goes on without it. */
  readonly redisTimeoutMs?: number;
  readonly database?: Database;
  readonly consumer?: (real: Consumer) => Consumer;
}

class CountingProcess implements AsyncDisposable {
  readonly warnings: string[] = [];
  readonly retries: RetryLoop<"CancelOrder", Counts>;
  readonly redis: ReturnType<typeof openRedis>;
  readonly metrics = new Metrics();
  /** Added to the real time. */
  clockOffsetMs = 0;
  #frozenAt: number | undefined;
  readonly #processor: MessageProcessor<"CancelOrder", Counts>;
  readonly #consumer: Consumer & AsyncDisposable;
  readonly #stop = new AbortController();

  constructor(service: CountingService, consumer: Consumer & AsyncDisposable, options: ProcessOptions) {
    const note = (_fields: object, message: string) => void this.warnings.push(message);
    this.#consumer = consumer;
    const { redisTimeoutMs } = options;
    this.redis = openRedis({
      url: options.redisUrl ?? redisUrl(),
      ...(redisTimeoutMs === undefined ? {} : { timeoutMs: redisTimeoutMs }),
      log: { info: note, warn: note },
    });
    const { retryLimits } = options;
    const shared = {
      handler: service.handler(options.retryForever ?? false),
      database: options.database ?? service.database.postgres,
      keyValue: this.redis,
      clock: { now: () => this.#now() },
      newId: () => Bun.randomUUIDv7(),
      random: () => 0.5,
      metrics: consumerMetrics(this.metrics),
      log: { info: note, warn: note, error: note },
      ...(retryLimits === undefined ? {} : { retryLimits }),
    };
    this.#processor = new MessageProcessor({ ...shared, consumer: options.consumer?.(consumer) ?? consumer });
    this.retries = new RetryLoop(shared);
  }

  /** Polls until one batch is processed. Throws if it is stopped before. */
  async handleNext(): Promise<ProcessedCounts> {
    while (!this.#stop.signal.aborted) {
      const counts = await this.#processor.runOnce(this.#stop.signal);
      if (counts !== null) return counts;
    }
    throw new Error("stopped before a batch was done");
  }

  /** Polls until `messages` messages are processed. */
  async handle(messages: number): Promise<ProcessedCounts> {
    let sum: ProcessedCounts = { handled: 0, duplicates: 0, retriesScheduled: 0, deadLettered: 0 };
    while (sum.handled + sum.duplicates + sum.retriesScheduled + sum.deadLettered < messages) {
      const counts = await this.handleNext();
      sum = {
        handled: sum.handled + counts.handled,
        duplicates: sum.duplicates + counts.duplicates,
        retriesScheduled: sum.retriesScheduled + counts.retriesScheduled,
        deadLettered: sum.deadLettered + counts.deadLettered,
      };
    }
    return sum;
  }

  /** Stops the clock of this process at now plus `advanceMs`. */
  freezeClock(advanceMs = 0): void {
    this.#frozenAt = this.#now() + advanceMs;
  }

  #now(): number {
    return this.#frozenAt ?? Date.now() + this.clockOffsetMs;
  }

  /** True when the background connection to Redis is ready. */
  async hasRedis(): Promise<boolean> {
    return this.redis.ready().then(
      () => true,
      () => false,
    );
  }

  /** Ends all waits, as SIGTERM does. */
  stop(): void {
    this.#stop.abort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop();
    await this.#consumer[Symbol.asyncDispose]();
    await this.redis[Symbol.asyncDispose]();
  }
}
