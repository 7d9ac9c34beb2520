// The second chances: claims parked messages that are due and tries them again, beside their partition and batch-shaped like
// the recipe. Any number of replicas; run as a background loop by every role that runs a recipe.
import type { MessageType } from "../../schemas/registry.ts";
import type { KeyValue } from "../kernel/ports.ts";
import { type Burial, burialStatements } from "./burial.ts";
import { type Cause, cause, causeOf } from "./dead-letter.ts";
import { deliveryOf, type Delivery } from "./delivery.ts";
import { applyOnce, type EffectContext } from "./effect.ts";
import { afterFailure, RETRY_LIMITS, type RetryLimits } from "./failure-policy.ts";
import { markSeen } from "./hints.ts";
import { isolate } from "./isolate.ts";
import { claimDue, type FurtherFailure, type ParkedMessage, postpone, unpark } from "./retry-store.ts";
import type { ConsumerMetrics, Log } from "./telemetry.ts";

/** Messages per claim. A claim must be worked off within its lease. */
export const RETRY_BATCH_MESSAGES = 200;
/** Short against the delays, long against a batch: what a replica that died had claimed comes up again after this. */
const LEASE_MS = 30_000;

export interface RetryOptions<Type extends MessageType, Rows> extends EffectContext<Type, Rows> {
  readonly keyValue: KeyValue;
  readonly metrics: ConsumerMetrics;
  readonly log: Log;
  readonly retryLimits?: RetryLimits;
}

/** A parked message that failed again, and what becomes of it. */
interface Failed<Type extends MessageType> {
  readonly parked: ParkedMessage;
  readonly delivery: Delivery<Type> | undefined;
  readonly cause: Cause;
}

export class RetryLoop<Type extends MessageType, Rows> {
  readonly #options: RetryOptions<Type, Rows>;

  constructor(options: RetryOptions<Type, Rows>) {
    this.#options = options;
  }

  /** One claim. Throws when the database is away; what was claimed then comes up again when its lease ends. */
  async runOnce(): Promise<{ readonly processed: number }> {
    const { database, clock } = this.#options;
    const due = await claimDue(database.sql, clock.now(), LEASE_MS, RETRY_BATCH_MESSAGES);
    if (due.length > 0) await this.#setAside(await this.#attempt(due));
    return { processed: due.length };
  }

  /** Tries the messages and returns those that failed. A success leaves the retry table in the transaction of its effect. */
  async #attempt(due: readonly ParkedMessage[]): Promise<Failed<Type>[]> {
    const { handler, database, keyValue, metrics } = this.#options;
    const { service } = handler;
    const parkedOf = new Map<Delivery<Type>, ParkedMessage>();
    const failed: Failed<Type>[] = [];
    for (const parked of due) {
      const delivery = deliveryOf(parked.raw, handler);
      if ("refusal" in delivery) {
        // It was readable when it was parked, so this is another version of the binary; it will not come to read it.
        const { code, reason } = delivery.refusal;
        failed.push({ parked, delivery: undefined, cause: cause(code, reason) });
      } else parkedOf.set(delivery, parked);
    }
    const failures = await isolate([...parkedOf.keys()], {
      apply: async (part) => {
        const ids = part.map((delivery) => delivery.message.message_id);
        await applyOnce(this.#options, part, (tx) => [unpark(tx, ids)]);
        await markSeen(keyValue, service, ids);
        metrics.retried.inc({ service, outcome: "succeeded" }, part.length);
      },
      isGuilt: (error) => database.faultOf(error) !== "unavailable",
    });
    for (const { item, error } of failures) {
      const parked = parkedOf.get(item);
      if (parked !== undefined) failed.push({ parked, delivery: item, cause: causeOf(error) });
    }
    return failed;
  }

  /** Plans the next attempt of each, or gives it up: dead letter, notice to the saga and removal in one transaction. */
  async #setAside(failed: readonly Failed<Type>[]): Promise<void> {
    if (failed.length === 0) return;
    const { handler, database, clock, newId, metrics, log } = this.#options;
    const { service } = handler;
    const now = clock.now();
    const again: FurtherFailure[] = [];
    const givenUp: Failed<Type>[] = [];
    for (const failure of failed) {
      const delayMs = this.#nextDelay(failure);
      if (delayMs === null) givenUp.push(failure);
      else again.push({ ...failure, failedAt: now, nextAttemptAt: now + delayMs });
    }
    const buried = await database.transaction(async (transaction) => {
      const { tx } = transaction;
      // A message that another replica has dealt with since is no longer there and gets no dead letter.
      const ids = givenUp.map(({ parked }) => parked.message_id);
      const [removed] = await transaction.send([unpark(tx, ids)]);
      const there = new Set(removed.map((row) => row.message_id));
      const burials = givenUp.filter(({ parked }) => there.has(parked.message_id));
      await transaction.finish([
        ...(again.length === 0 ? [] : [postpone(tx, again)]),
        ...burialStatements(
          tx,
          burials.map((failure) => burialOf(failure, now)),
          { handler, newId, now },
        ),
      ]);
      return burials;
    });
    metrics.retried.inc({ service, outcome: "failed" }, failed.length);
    for (const { parked, cause: why } of buried) {
      metrics.deadLettered.inc({ service, code: why.code });
      log.error(
        { service, message_id: parked.message_id, saga_id: parked.saga_id, ...why },
        "message dead-lettered",
      );
    }
  }

  /** Null when the message is given up. */
  #nextDelay({ parked, delivery }: Failed<Type>): number | null {
    if (delivery === undefined) return null;
    const { handler, random, metrics, retryLimits = RETRY_LIMITS } = this.#options;
    const { type } = delivery.message;
    const attempts = parked.attempts + 1;
    metrics.failures.inc({ service: handler.service, type });
    const verdict = afterFailure(attempts, handler.neverGiveUp.has(type), random(), retryLimits);
    if (verdict.kind === "give-up") return null;
    if (attempts > retryLimits.delaysMs.length) metrics.overdue.inc({ service: handler.service, type });
    return verdict.delayMs;
  }
}

function burialOf<Type extends MessageType>(
  { parked, delivery, cause: why }: Failed<Type>,
  now: number,
): Burial {
  const { raw, attempts, firstFailedAt, message_id, saga_id, message_type } = parked;
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
    message: { type: message_type, message_id },
  };
}
