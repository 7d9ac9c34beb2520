// The retry loop: claims messages whose next attempt is due and retries them, outside their partition and in batches like the
// message processor. Any number of replicas may run; a background loop of every role that runs a message processor.
import type { MessageType } from "../../schemas/registry.ts";
import type { KeyValue, RunResult } from "../kernel/ports.ts";
import { LockAwareApplier } from "./lock-aware-applier.ts";
import { type GivenUp, giveUpStatements } from "./give-up.ts";
import type { Tx } from "./database.ts";
import { type Cause, cause, causeOf } from "./dead-letter.ts";
import { deliveryOf, type Delivery } from "./delivery.ts";
import type { InboxContext } from "./inbox-transaction.ts";
import { afterFailure, RETRY_LIMITS, type RetryLimits } from "./retry-policy.ts";
import { heldError, MAX_CUTS_WHEN_LOCKED, untilNextLook } from "./held-rows.ts";
import { markSeen } from "./dedup-cache.ts";
import { type Failure, bisect } from "./bisect.ts";
import { claimDue, type FurtherFailure, type PendingRetry, postpone, removeRetries } from "./retry-store.ts";
import type { ConsumerMetrics } from "./telemetry.ts";
import { type Log, traceFields } from "../kernel/telemetry.ts";

/** Messages per claim. A claim must be finished within its lease. */
const RETRY_BATCH_MESSAGES = 200;
/**
 * Short compared with the delays, long compared with a batch. The claim of a replica that died is retried when the lease expires.
 */
const LEASE_MS = 30_000;

export interface RetryOptions<Type extends MessageType, Rows> extends InboxContext<Type, Rows> {
  readonly keyValue: KeyValue;
  readonly metrics: ConsumerMetrics;
  readonly log: Log;
  readonly retryLimits?: RetryLimits;
}

/** A retried message that failed again, or that needs a locked row. */
interface Failed<Type extends MessageType> {
  readonly pending: PendingRetry;
  readonly delivery: Delivery<Type> | undefined;
  readonly cause: Cause;
  /** True when it did not fail: a row it needs is locked. */
  readonly isHeld: boolean;
}

export class RetryLoop<Type extends MessageType, Rows> {
  readonly #options: RetryOptions<Type, Rows>;
  readonly #applier: LockAwareApplier<Type, Rows>;

  constructor(options: RetryOptions<Type, Rows>) {
    this.#options = options;
    this.#applier = new LockAwareApplier(options);
  }

  /** Processes one claim. Throws when the database is unavailable; the claimed messages are retried when the lease expires. */
  async runOnce(): Promise<RunResult> {
    const { database, clock } = this.#options;
    const due = await claimDue(database.sql, clock.now(), LEASE_MS, RETRY_BATCH_MESSAGES);
    if (due.length > 0) await this.#setAside(await this.#attempt(due));
    return { processed: due.length, hasMore: due.length >= RETRY_BATCH_MESSAGES };
  }

  /**
   * Retries the messages and returns those that failed. A message that succeeds leaves the retry table in the transaction of its
   * effect.
   */
  async #attempt(due: readonly PendingRetry[]): Promise<Failed<Type>[]> {
    const { handler, database, keyValue, metrics } = this.#options;
    const { service } = handler;
    const pendingOf = new Map<Delivery<Type>, PendingRetry>();
    const failed: Failed<Type>[] = [];
    for (const pending of due) {
      const delivery = deliveryOf(pending.raw, handler);
      if ("invalid" in delivery) {
        // It was readable when its retry was scheduled, so another version of the binary scheduled it. This version will never read
        // it.
        const { code, reason } = delivery.invalid;
        failed.push({ pending, delivery: undefined, cause: cause(code, reason), isHeld: false });
      } else pendingOf.set(delivery, pending);
    }
    const held: Failure<Delivery<Type>>[] = [];
    const failures = await bisect([...pendingOf.keys()], {
      apply: async (part) => {
        const alongside = (tx: Tx, applied: typeof part) => [removeRetries(tx, idsOf(applied))];
        const { applied, leftOut, held: rows } = await this.#applier.apply(part, alongside);
        held.push(...leftOut.map((item) => ({ item, error: heldError(item.message.saga_id, rows) })));
        await markSeen(keyValue, service, idsOf(applied));
        metrics.retried.inc({ service, outcome: "succeeded" }, applied.length);
      },
      isPoison: (error) => database.faultOf(error) !== "unavailable",
      maxCuts: (error) => (database.faultOf(error) === "locked" ? MAX_CUTS_WHEN_LOCKED : undefined),
    });
    for (const { item, error } of [...failures, ...held]) {
      const pending = pendingOf.get(item);
      const isHeld = database.faultOf(error) === "locked";
      if (pending !== undefined) failed.push({ pending, delivery: item, cause: causeOf(error), isHeld });
    }
    return failed;
  }

  /** Schedules the next attempt of each, or dead-letters it: dead letter, event to the saga and removal in one transaction. */
  async #setAside(failed: readonly Failed<Type>[]): Promise<void> {
    if (failed.length === 0) return;
    const { handler, database, clock, newId, metrics, log } = this.#options;
    const { service } = handler;
    const now = clock.now();
    const again: FurtherFailure[] = [];
    const givenUp: Failed<Type>[] = [];
    for (const failure of failed) {
      const delayMs = failure.isHeld ? this.#nextLook(failure, now) : this.#nextDelay(failure);
      if (delayMs === null) givenUp.push(failure);
      else
        again.push({ ...failure, isCounted: !failure.isHeld, failedAt: now, nextAttemptAt: now + delayMs });
    }
    const written = await database.transaction(async (transaction) => {
      const { tx } = transaction;
      // A message that another replica has handled since is no longer there and gets no dead letter.
      const ids = givenUp.map(({ pending }) => pending.message_id);
      const [removed] = await transaction.send([removeRetries(tx, ids)]);
      const there = new Set(removed.map((row) => row.message_id));
      const dead = givenUp.filter(({ pending }) => there.has(pending.message_id));
      await transaction.finish([
        ...(again.length === 0 ? [] : [postpone(tx, again)]),
        ...giveUpStatements(
          transaction,
          dead.map((failure) => givenUpOf(failure, now)),
          { handler, newId, now },
        ),
      ]);
      return dead;
    });
    const heldCount = failed.filter(({ isHeld }) => isHeld).length;
    metrics.retried.inc({ service, outcome: "failed" }, failed.length - heldCount);
    metrics.retried.inc({ service, outcome: "held" }, heldCount);
    for (const { pending, delivery, cause: why } of written) {
      metrics.deadLettered.inc({ service, code: why.code });
      log.error(
        {
          service,
          message_id: pending.message_id,
          saga_id: pending.saga_id,
          ...traceFields(delivery?.message.traceparent),
          ...why,
        },
        "message dead-lettered",
      );
    }
  }

  #nextLook({ pending }: Failed<Type>, now: number): number {
    return untilNextLook(now - pending.firstFailedAt, this.#options.random());
  }

  /** Null when the message must be dead-lettered. */
  #nextDelay({ pending, delivery }: Failed<Type>): number | null {
    if (delivery === undefined) return null;
    const { handler, random, metrics, retryLimits = RETRY_LIMITS } = this.#options;
    const { type } = delivery.message;
    const attempts = pending.attempts + 1;
    metrics.failures.inc({ service: handler.service, type });
    const decision = afterFailure(attempts, handler.retryForever.has(type), random(), retryLimits);
    if (decision.kind === "give-up") return null;
    if (attempts > retryLimits.delaysMs.length) metrics.overdue.inc({ service: handler.service, type });
    return decision.delayMs;
  }
}

function idsOf(deliveries: readonly { readonly message: { readonly message_id: string } }[]): string[] {
  return deliveries.map((delivery) => delivery.message.message_id);
}

function givenUpOf<Type extends MessageType>(
  { pending, delivery, cause: why }: Failed<Type>,
  now: number,
): GivenUp {
  const { raw, attempts, firstFailedAt, message_id, saga_id, message_type } = pending;
  return {
    dead: {
      raw,
      value: delivery?.value,
      sagaId: saga_id,
      cause: why,
      retryCount: attempts,
      firstFailedAt,
      lastFailedAt: now,
    },
    message: { type: message_type, message_id, traceparent: delivery?.message.traceparent },
  };
}
