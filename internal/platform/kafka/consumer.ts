// A member of a consumer group that returns whole batches. Used by the message processor and the notification service. The package
// connects and subscribes; our native code polls and commits (native/src/batch-consumer.cc).

import { AppError, assert } from "../../kernel/errors.ts";
import type { ConsumedBatch, Consumer, PollOptions, RawMessage } from "../../kernel/ports.ts";
import type { TopicLag } from "../../messaging/telemetry.ts";
import { kafka } from "./addon.ts";
import { decode, type Decoded } from "./batch.ts";
import {
  callsOf,
  commonSettings,
  DEFAULT_CONNECT_TIMEOUT_MS,
  toEvent,
  type KafkaOptions,
} from "./connection.ts";
import { Lag } from "./lag.ts";
import type { BatchConsumer } from "./native/types.ts";
import { Refusals } from "./refusal.ts";
import { TopicWatch } from "./topic-watch.ts";

export interface ConsumerOptions extends KafkaOptions {
  readonly groupId: string;
  /**
   * Static membership: unique within the group and the same after a restart. A restarted member gets its partitions back at once;
   * otherwise they are not read until the session times out. Of two running members with one name, the older fails with
   * KAFKA_FATAL.
   */
  readonly instanceId?: string | undefined;
  readonly topics: readonly string[];
  /** The `type` headers that this role handles. Others are dropped unparsed. Empty: all. Messages without the header are kept. */
  readonly types: readonly string[];
  /** Where a group without committed offsets starts. True (the default) misses no message. */
  readonly fromBeginning?: boolean;
  /** A member that is silent for this long counts as dead, and others get its partitions. */
  readonly sessionTimeoutMs?: number;
  /** How often to check whether a topic was recreated. */
  readonly topicCheckIntervalMs?: number;
  /** How long a reconnecting consumer that the access lists refuse waits before it asks again. */
  readonly deniedRetryMs?: number;
}

export interface MeasuredConsumer extends Consumer, AsyncDisposable {
  /** What waits in Kafka for this member, by topic. Waits for no broker. */
  lag(): Promise<readonly TopicLag[]>;
}

const DEFAULT_SESSION_TIMEOUT_MS = 10_000;
/**
 * One commit covers this much time. Nothing waits for a commit, and each one costs the brokers as much as a message: it is a record
 * in a replicated topic. After a crash, messages of at most this time are delivered again.
 */
const COMMIT_EVERY_MS = 250;
/** Longest pause between commits while they fail. */
const COMMIT_AGAIN_MS = 5_000;

/** Resolves when a broker answers. Throws AppError KAFKA_UNAVAILABLE, or KAFKA_DENIED if the broker rejects us. */
export async function openConsumer(options: ConsumerOptions): Promise<MeasuredConsumer> {
  const connection = await connect(options, {
    "group.id": options.groupId,
    ...(options.instanceId === undefined ? {} : { "group.instance.id": options.instanceId }),
    "auto.offset.reset": (options.fromBeginning ?? true) ? "earliest" : "latest",
    "session.timeout.ms": options.sessionTimeoutMs ?? DEFAULT_SESSION_TIMEOUT_MS,
    // All topics of a saga have the same keys, and `range` gives the same partitions of each to one member. Not
    // `cooperative-sticky`: with it librdkafka 2.15.1 closes without leaving the group, and a stopped member's partitions are not
    // read for the whole session timeout.
    "partition.assignment.strategy": "range",
  });
  connection.client.subscribe([...options.topics]);
  return new GroupConsumer(connection, options);
}

export type Connection = Awaited<ReturnType<typeof connect>>;

/** A connected client of the package that does not read yet. Also used by read-topic.ts. */
export async function connect(options: KafkaOptions, settings: Record<string, string | number | boolean>) {
  const { KafkaConsumer } = kafka();
  const client = new KafkaConsumer({
    // Offsets are committed when the caller has processed their messages. Not by librdkafka's own timer: it never commits an offset
    // below the last one, which a recreated topic needs.
    "enable.auto.commit": false,
    "enable.auto.offset.store": false,
    // When the local queue is full, retry soon: the default of 1 s is a visible stall.
    "fetch.queue.backoff.ms": 20,
    "queued.max.messages.kbytes": 32_768,
    // A message ends the wait at once. The longer the wait, the less an idle consumer costs the broker.
    "fetch.wait.max.ms": 1_000,
    ...settings,
    ...commonSettings(options),
  });
  const events = { brokersDown: false };
  const allBrokersDown = kafka().addon.err2str(ALL_BROKERS_DOWN).toLowerCase();
  const refusals = new Refusals();
  client.on("event.error", ({ origin, message }: { origin: string; message: string }) => {
    const text = `${origin}: ${message}`;
    refusals.note(message);
    if (text.toLowerCase() === allBrokersDown) events.brokersDown = true;
    options.onEvent?.({ level: "error", name: "ERROR", message: text });
  });
  client.on("event.log", (log: { severity: number; fac: string; message: string }) => {
    refusals.note(log.message);
    options.onEvent?.(toEvent(log.severity, log.fac, log.message));
  });
  const timeout = options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS;
  const calls = callsOf(options.security?.account ?? null);
  await calls
    .ask<unknown>(`cannot reach Kafka at ${options.brokers}`, (done) =>
      client.connect({ allTopics: false, timeout }, done),
    )
    .catch((error: unknown) => {
      throw refusals.explain(error);
    });
  return { client, events, ...calls };
}

const ALL_BROKERS_DOWN = -187;

/**
 * Stops the native side, then the connection. In this order, because nothing native may outlive the connection. A commit that waits
 * for a broker can keep librdkafka from closing for minutes, so after the timeout the connection ends with the process.
 */
export async function disconnect(native: BatchConsumer, { client, ask }: Connection): Promise<void> {
  native.close();
  const disconnected = ask<unknown>("disconnecting", (done) => client.disconnect(done));
  let timer: Timer | undefined;
  const patience = new Promise((resolve) => (timer = setTimeout(resolve, CLOSE_TIMEOUT_MS)));
  await Promise.race([disconnected, patience]);
  clearTimeout(timer);
}

const CLOSE_TIMEOUT_MS = 5_000;

/**
 * Throws KAFKA_UNAVAILABLE for a connection that has ended: the native code would use a client that is already freed, which crashes the
 * process.
 */
export function openBatchConsumer({ client }: Connection, types: readonly string[]): BatchConsumer {
  if (!client.isConnected()) throw new AppError("KAFKA_UNAVAILABLE", "the connection to Kafka has ended");
  const { addon } = kafka();
  return new addon.BatchConsumer(addon.handleOf(client.getClient()), types);
}

class GroupConsumer implements Consumer, AsyncDisposable {
  readonly #connection: Connection;
  readonly #native: BatchConsumer;
  readonly #group: string;
  readonly #watch: TopicWatch;
  readonly #lag: Lag;
  readonly #onEvent: KafkaOptions["onEvent"];
  #polling: Promise<unknown> | undefined;
  #batch: Batch | undefined;
  #commitTimer: Timer | undefined;
  #committing: Promise<boolean> | undefined;
  #commitAfterMs = COMMIT_EVERY_MS;
  #closed: Promise<void> | undefined;

  constructor(connection: Connection, options: ConsumerOptions) {
    this.#connection = connection;
    this.#native = openBatchConsumer(connection, options.types);
    this.#group = options.groupId;
    const handle = kafka().addon.handleOf(connection.client.getClient());
    this.#onEvent = options.onEvent;
    this.#lag = new Lag({
      client: connection.client,
      native: this.#native,
      fromBeginning: options.fromBeginning ?? true,
      monotonic: () => performance.now(),
    });
    const onKnown = (topic: string, id: string) =>
      options.onEvent?.({ level: "info", name: "TOPIC_ID", message: `${topic} has the id ${id}` });
    this.#watch = new TopicWatch(handle, options.topics, onKnown, options.topicCheckIntervalMs);
  }

  async poll(options: PollOptions): Promise<ConsumedBatch | null> {
    assert(this.#polling === undefined, "a poll is already in flight");
    assert(this.#batch === undefined, "the last batch was not released");
    if (this.#closed !== undefined) throw closedError();
    this.#restartRemade();
    const { events } = this.#connection;
    const polled = await this.#pollNative(options);
    if (polled.error !== null)
      throw this.#connection.failed(`group ${this.#group} cannot read`, polled.error);
    const brokersDown = events.brokersDown;
    events.brokersDown = false;
    if (polled.decodable + polled.undecodable + polled.skipped === 0) {
      if (brokersDown)
        throw new AppError("KAFKA_UNAVAILABLE", `group ${this.#group}: no broker can be reached`);
      return null;
    }
    if (this.#closed !== undefined) return null;
    this.#batch = new Batch(this.#native, decode(this.#native, polled), polled.skipped, (isDone) => {
      this.#batch = undefined;
      if (isDone) this.#commitSoon();
    });
    return this.#batch;
  }

  async #pollNative({ maxMessages, waitMs, lingerMs, signal }: PollOptions) {
    const interrupt = () => this.#native.interrupt();
    if (signal?.aborted === true) interrupt();
    else signal?.addEventListener("abort", interrupt);
    const poll = this.#native.poll(maxMessages, waitMs, lingerMs);
    this.#polling = poll;
    try {
      return await poll;
    } finally {
      this.#polling = undefined;
      signal?.removeEventListener("abort", interrupt);
    }
  }

  /** What waits in Kafka for this member, by topic, as the last answer of a broker said. */
  async lag(): Promise<readonly TopicLag[]> {
    if (this.#closed !== undefined) return [];
    return this.#lag.read();
  }

  /** Messages read from a recreated topic before this check are delivered again; their readers drop them as duplicates. */
  #restartRemade(): void {
    const remade = this.#watch.remade();
    if (remade.length === 0) return;
    this.#native.restart(remade);
    this.#commitSoon();
    const message = `${remade.join(", ")} was deleted and recreated; group ${this.#group} reads it from its beginning`;
    this.#onEvent?.({ level: "error", name: "TOPIC_REMADE", message });
  }

  #commitSoon(): void {
    if (this.#closed !== undefined) return;
    this.#commitTimer ??= setTimeout(() => {
      this.#commitTimer = undefined;
      if (this.#committing === undefined) void this.#commit();
      else this.#commitSoon();
    }, this.#commitAfterMs);
  }

  /** A failure is harmless: the next commit includes these offsets, or the messages are delivered again. */
  #commit(): Promise<boolean> {
    this.#committing = this.#native.commit(COMMIT_TIMEOUT_MS).then(({ code, message }) => {
      this.#committing = undefined;
      const isCommitted = code === "NO_ERROR";
      this.#commitAfterMs = isCommitted
        ? COMMIT_EVERY_MS
        : Math.min(COMMIT_AGAIN_MS, 2 * this.#commitAfterMs);
      if (isCommitted) return true;
      const text = `group ${this.#group}: offsets were not committed: ${message}`;
      if (!REBALANCING.has(code)) this.#onEvent?.({ level: "warn", name: code, message: text });
      this.#commitSoon();
      return false;
    });
    return this.#committing;
  }

  /** Ends a poll in flight, gives back an unreleased batch (its messages are redelivered), commits processed ones and leaves the group. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#native.interrupt();
    await this.#polling?.then(ignore, ignore);
    this.#batch?.abandon();
    clearTimeout(this.#commitTimer);
    await Promise.all([this.#lastCommit(), this.#watch.settled(), this.#lag.settled()]);
    await disconnect(this.#native, this.#connection);
  }

  async #lastCommit(): Promise<void> {
    const isReachable = (await this.#committing) ?? true;
    if (isReachable) await this.#commit();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function ignore(): void {}

function closedError(): AppError {
  return new AppError("KAFKA_UNAVAILABLE", "the consumer is closed");
}

/** The broker's codes for a rebalance: another member has or gets the partitions. Normal, so not logged. */
const REBALANCING: ReadonlySet<string> = new Set([
  "ILLEGAL_GENERATION",
  "UNKNOWN_MEMBER_ID",
  "REBALANCE_IN_PROGRESS",
  "FENCED_MEMBER_EPOCH",
  "STALE_MEMBER_EPOCH",
  "_ASSIGNMENT_LOST",
]);

/** A closing consumer waits at most for one commit. */
const COMMIT_TIMEOUT_MS = 2_000;

class Batch implements ConsumedBatch {
  readonly values: readonly unknown[];
  readonly undecodable: readonly RawMessage[];
  readonly skipped: number;
  readonly #native: BatchConsumer;
  readonly #indexes: readonly number[] | undefined;
  readonly #onRelease: (isDone: boolean) => void;
  #isDone = false;
  #state: "held" | "released" | "abandoned" = "held";

  constructor(
    native: BatchConsumer,
    decoded: Decoded,
    skipped: number,
    onRelease: (isDone: boolean) => void,
  ) {
    this.values = decoded.values;
    this.undecodable = decoded.undecodable;
    this.skipped = skipped;
    this.#native = native;
    this.#indexes = decoded.indexes;
    this.#onRelease = onRelease;
  }

  raw(index: number): RawMessage {
    assert(this.#state === "held", "the batch was already released");
    return this.#native.message(this.#indexes?.[index] ?? index);
  }

  topic(index: number): string {
    assert(this.#state === "held", "the batch was already released");
    return this.#native.topic(this.#indexes?.[index] ?? index);
  }

  done(): void {
    if (this.#state === "abandoned") throw closedError();
    assert(this.#state === "held", "the batch was already released");
    this.#isDone = true;
  }

  release(): void {
    if (this.#state !== "held") return;
    this.#state = "released";
    this.#native.release(this.#isDone);
    this.#onRelease(this.#isDone);
  }

  /** For closing: gives the batch back even if its user is not done. */
  abandon(): void {
    this.release();
    this.#state = "abandoned";
  }
}
