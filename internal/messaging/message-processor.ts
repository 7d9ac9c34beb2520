// The message processor: how every Kafka consumer gets its effects exactly once. It polls a batch, drops known duplicates, lets the
// handler decide, commits rows, inbox and outbox in one transaction, then commits the offsets. Run by the main.ts of the roles.
//
// A batch is never abandoned for the next one: committing later offsets would lose it. It ends when its effects, its scheduled
// retries and its dead letters are in the database, or with the process; then Kafka delivers it again.
import type { MessageType } from "../../schemas/registry.ts";
import { cappedBackoff } from "../kernel/backoff.ts";
import { type AppError, assert } from "../kernel/errors.ts";
import type { ConsumedBatch, Consumer, KeyValue } from "../kernel/ports.ts";
import { LockAwareApplier } from "./lock-aware-applier.ts";
import { type GivenUp, giveUpStatements } from "./give-up.ts";
import { cause, causeOf } from "./dead-letter.ts";
import { type Delivery, classifyBatch, type Unreadable } from "./delivery.ts";
import type { InboxContext } from "./inbox-transaction.ts";
import { afterFailure, RETRY_LIMITS, type RetryLimits } from "./retry-policy.ts";
import { lingerMs, LoadMeter } from "./linger.ts";
import { heldError, MAX_CUTS_WHEN_LOCKED, untilNextLook } from "./held-rows.ts";
import { markSeen, withoutSeen } from "./dedup-cache.ts";
import { type Attempt, type Failure, bisect } from "./bisect.ts";
import { pause } from "./pause.ts";
import { BACKOFF_CAP_MS, BACKOFF_FIRST_MS, pollUntilAborted } from "./poll-loop.ts";
import { scheduleRetries } from "./retry-store.ts";
import { allEnded, partsBySaga } from "./side-by-side.ts";
import type { ConsumerMetrics } from "./telemetry.ts";
import { type Log, traceFields } from "../kernel/telemetry.ts";

/** Above this size a batch no longer gets cheaper per message, and one failure costs more to find. */
const MAX_BATCH_MESSAGES = 2_000;
/** How long an idle poll waits. A message and a stop end it at once. */
const POLL_WAIT_MS = 2_000;

export interface MessageProcessorOptions<Type extends MessageType, Rows> extends InboxContext<Type, Rows> {
  readonly consumer: Consumer;
  readonly keyValue: KeyValue;
  readonly metrics: ConsumerMetrics;
  readonly log: Log;
  readonly retryLimits?: RetryLimits;
  /** Called when messages wait in the retry table. */
  readonly onRetryScheduled?: () => void;
}

/** The results of one poll. */
export interface ProcessedCounts {
  readonly handled: number;
  readonly duplicates: number;
  readonly retriesScheduled: number;
  readonly deadLettered: number;
}

export class MessageProcessor<Type extends MessageType, Rows> {
  readonly #options: MessageProcessorOptions<Type, Rows>;
  readonly #applier: LockAwareApplier<Type, Rows>;
  readonly #meter = new LoadMeter();
  /** Duration of the previous batch, in milliseconds. */
  #workedMs = 0;

  constructor(options: MessageProcessorOptions<Type, Rows>) {
    assert(
      (options.retryLimits ?? RETRY_LIMITS).delaysMs.length > 0,
      "retryLimits needs the delay of a first retry",
    );
    this.#options = options;
    this.#applier = new LockAwareApplier(options);
  }

  /**
   * Polls until `signal` aborts, then finishes the current batch and resolves. Waits while Kafka or the database is unavailable.
   * Rejects only on errors that waiting cannot fix; the process should end then.
   */
  run(signal: AbortSignal): Promise<void> {
    const { log, handler } = this.#options;
    const onWait = (error: AppError) =>
      log.warn({ err: error, service: handler.service }, "the message processor cannot poll, retrying");
    return pollUntilAborted(signal, () => this.runOnce(signal), onWait);
  }

  /** One poll and its processing. Null when the poll was empty, or when `signal` aborted before the batch was done. */
  async runOnce(signal: AbortSignal): Promise<ProcessedCounts | null> {
    const { consumer, metrics, handler } = this.#options;
    const batch = await consumer.poll({
      maxMessages: MAX_BATCH_MESSAGES,
      waitMs: POLL_WAIT_MS,
      lingerMs: lingerMs(this.#meter.load),
      signal,
    });
    const startedAtMs = performance.now();
    this.#meter.saw(batch?.values.length ?? 0, this.#workedMs);
    this.#workedMs = 0;
    if (batch === null) return null;
    try {
      const counts = await this.#untilDone(batch, signal);
      this.#workedMs = performance.now() - startedAtMs;
      if (counts !== null) metrics.batchSeconds.observe({ service: handler.service }, this.#workedMs / 1_000);
      return counts;
    } finally {
      batch.release();
    }
  }

  /**
   * Repeats the whole batch until it is in the database. That is safe: parts that succeeded before are duplicates now. Null when
   * `signal` ended it; its offsets stay uncommitted, so Kafka delivers it to the next consumer.
   */
  async #untilDone(batch: ConsumedBatch, signal: AbortSignal): Promise<ProcessedCounts | null> {
    const { handler, log, keyValue, database } = this.#options;
    const { deliveries, unreadable } = classifyBatch(batch, handler);
    for (let failures = 0; ; failures += 1) {
      try {
        const { counts, settled } = await this.#process(deliveries, unreadable);
        await markSeen(keyValue, handler.service, settled);
        batch.done();
        return counts;
      } catch (error) {
        const delayMs = cappedBackoff(failures, BACKOFF_FIRST_MS, BACKOFF_CAP_MS);
        const fields = { err: error, service: handler.service, delayMs };
        if (database.faultOf(error) === "unavailable")
          log.warn(fields, "the database is unavailable, the batch waits");
        else log.error(fields, "the batch can be neither handled nor set aside, retrying");
        await pause(delayMs, signal);
        if (signal.aborted) return null;
      }
    }
  }

  /** Resolves when every message of the batch is settled in the database: applied, waiting for its retry, or dead-lettered. */
  async #process(
    deliveries: readonly Delivery<Type>[],
    unreadable: readonly Unreadable[],
  ): Promise<{ readonly counts: ProcessedCounts; readonly settled: readonly string[] }> {
    const { handler, database, keyValue, metrics } = this.#options;
    const { service } = handler;
    const distinct = [
      ...new Map(deliveries.map((delivery) => [delivery.message.message_id, delivery])).values(),
    ];
    metrics.duplicates.inc({ service, found_by: "batch" }, deliveries.length - distinct.length);
    const unseen = await withoutSeen(distinct, { keyValue, sql: database.sql, service, metrics });

    const settled: string[] = [];
    let handled = 0;
    const held: Failure<Delivery<Type>>[] = [];
    const attempt: Attempt<Delivery<Type>> = {
      apply: async (part) => {
        const { applied, fresh, leftOut, held: rows } = await this.#applier.apply(part);
        handled += fresh.size;
        settled.push(...applied.map((delivery) => delivery.message.message_id));
        this.#count(applied, fresh);
        held.push(...leftOut.map((item) => ({ item, error: heldError(item.message.saga_id, rows) })));
      },
      // A conflict that survives its repetitions is treated as poison: alone in its transaction the message succeeds.
      isPoison: (error) => database.faultOf(error) !== "unavailable",
      maxCuts: (error) => (database.faultOf(error) === "locked" ? MAX_CUTS_WHEN_LOCKED : undefined),
    };
    const parts = handler.sharesAcrossSagas === true ? [unseen] : partsBySaga(unseen);
    const failed = await allEnded(parts.map((part) => bisect(part, attempt)));
    const failures = [...failed.flat(), ...held];
    await this.#setAside(failures, unreadable);

    const retriesScheduled = failures.length;
    const duplicates = deliveries.length - handled - retriesScheduled;
    return { counts: { handled, duplicates, retriesScheduled, deadLettered: unreadable.length }, settled };
  }

  /** Schedules a retry for messages that failed or need a locked row, and dead-letters unreadable ones, in one transaction. */
  async #setAside(
    failures: readonly Failure<Delivery<Type>>[],
    unreadable: readonly Unreadable[],
  ): Promise<void> {
    if (failures.length === 0 && unreadable.length === 0) return;
    const { handler, database, clock, newId, metrics, log } = this.#options;
    const now = clock.now();
    const pending = failures.map((failure) => this.#firstFailure(failure, now));
    const givenUp = unreadable.map((message) => givenUpOf(message, now));
    await database.transaction(async (transaction) => {
      const { tx } = transaction;
      await transaction.finish([
        ...(pending.length === 0 ? [] : [scheduleRetries(tx, pending)]),
        ...giveUpStatements(transaction, givenUp, { handler, newId, now }),
      ]);
    });
    if (pending.length > 0) this.#options.onRetryScheduled?.();
    metrics.held.inc({ service: handler.service }, pending.filter(({ attempts }) => attempts === 0).length);
    for (const { message, cause: why, attempts } of pending) {
      if (attempts === 0) continue;
      metrics.failures.inc({ service: handler.service, type: message.type });
      const { message_id, saga_id, traceparent } = message;
      log.warn(
        { service: handler.service, message_id, saga_id, ...traceFields(traceparent), ...why },
        "message failed, retry scheduled",
      );
    }
    for (const { dead } of givenUp) {
      metrics.deadLettered.inc({ service: handler.service, code: dead.cause.code });
      const { topic, partition, offset } = dead.raw;
      log.error(
        { service: handler.service, topic, partition, offset, ...dead.cause },
        "unreadable message dead-lettered",
      );
    }
  }

  #firstFailure({ item, error }: Failure<Delivery<Type>>, now: number) {
    const { handler, random, retryLimits, database } = this.#options;
    const about = { message: item.message, raw: item.raw(), cause: causeOf(error), failedAt: now };
    // A locked row is not a failure of the message, so it does not count as an attempt.
    if (database.faultOf(error) === "locked")
      return { ...about, attempts: 0, nextAttemptAt: now + untilNextLook(0, random()) } as const;
    const decision = afterFailure(1, handler.retryForever.has(item.message.type), random(), retryLimits);
    assert(decision.kind === "again", "a first failure always has a retry");
    return { ...about, attempts: 1, nextAttemptAt: now + decision.delayMs } as const;
  }

  #count(part: readonly Delivery<Type>[], fresh: ReadonlySet<string>): void {
    const { metrics, handler } = this.#options;
    const { service } = handler;
    metrics.batchSize.observe({ service }, part.length);
    metrics.duplicates.inc({ service, found_by: "inbox" }, part.length - fresh.size);
    const byType = new Map<string, number>();
    for (const { message } of part) {
      if (fresh.has(message.message_id)) byType.set(message.type, (byType.get(message.type) ?? 0) + 1);
    }
    for (const [type, count] of byType) metrics.handled.inc({ service, type }, count);
  }
}

function givenUpOf({ raw, value, invalid }: Unreadable, now: number): GivenUp {
  return {
    dead: {
      raw,
      value,
      sagaId: invalid.saga_id,
      cause: cause(invalid.code, invalid.reason),
      retryCount: 0,
      firstFailedAt: now,
      lastFailedAt: now,
    },
    message: invalid,
  };
}
