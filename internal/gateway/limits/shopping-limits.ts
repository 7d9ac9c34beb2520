// Limits on checkouts as such, against two abuses that a request rate cannot show.
//
// Card testing: a thief tries many stolen cards with small orders. We count the different payment methods of a user and of a network
// when a checkout arrives, and the declined payments when somebody asks for the status of a saga: the thief must ask, or the test
// is worth nothing. The first count holds even for one who never asks.
//
// Stock hoarding: many checkouts that never end keep stock reserved. We count those of a user that are not known to be finished.
// Each counts for at most `OPEN_MS`, the longest time that a checkout may hold stock.
//
// Both are counts in Redis, so they cost the saga database nothing. Called by hooks.ts and app.ts.
import { isDecline } from "../../../schemas/failures.ts";
import { AppError, assert } from "../../kernel/errors.ts";
import type { CountedSet, LimitStore } from "../../kernel/limit-store.ts";
import type { Clock } from "../../kernel/ports.ts";
import { ProblemError } from "../problem.ts";
import { LocalLimitStore } from "./local-limit-store.ts";
import { allowanceItem, type LimitSettings, policyItem } from "./policies.ts";
import { type Caller, KEY_PREFIX, type LimitMetrics } from "./rate-limits.ts";

const HOUR_MS = 3_600_000;
const OPEN_MS = 15 * 60_000;
/** Enough to tell the payment methods of one shopper apart. */
const METHOD_HASH_LENGTH = 16;

export interface ShoppingLimitsOptions {
  readonly store: LimitStore;
  readonly settings: LimitSettings;
  readonly metrics: LimitMetrics;
  readonly clock: Clock;
}

/** What a status says about the end of a saga. */
export interface SagaEnd {
  readonly saga_id: string;
  readonly failure_code: string | null;
  readonly completed_at: string | null;
}

export type Shopper = Pick<Caller, "network"> & { readonly userId: string };

export class ShoppingLimits {
  readonly #options: ShoppingLimitsOptions;
  readonly #local: LocalLimitStore;

  constructor(options: ShoppingLimitsOptions) {
    this.#options = options;
    this.#local = new LocalLimitStore(options.clock);
  }

  /**
   * Call before a checkout is sent on. Counts its payment method. Where a limit is full, `find` looks whether the checkout is a retry
   * of one that exists; that one is returned, because its shopper may not have got the answer. Null: the checkout may be sent on.
   * Throws the problem `too-many-requests`, and what `find` throws.
   */
  async checkout<Known>(
    shopper: Shopper,
    paymentMethod: string,
    find: () => Promise<Known | null>,
  ): Promise<Known | null> {
    const { settings, clock, metrics } = this.#options;
    const method = Bun.CryptoHasher.hash("sha256", paymentMethod, "base64").slice(0, METHOD_HASH_LENGTH);
    const cards = [
      ...counted("user-cards", shopper.userId, settings.userCards),
      ...counted("network-cards", shopper.network, settings.networkCards),
    ];
    const others = [
      ...counted("user-declines", shopper.userId, settings.userDeclines),
      ...counted("network-declines", shopper.network, settings.networkDeclines),
      ...counted("user-open", shopper.userId, settings.userOpen),
    ];
    const full = await this.#count((store) =>
      store.checkout({ cards, others, method, now: clock.now(), windowMs: HOUR_MS }),
    );
    if (full === null) return null;
    const known = await find();
    if (known !== null) return known;
    const set = [...others, ...cards].find(({ key }) => key === full.key);
    assert(set !== undefined, `${full.key} is none of the sets that were asked for`);
    const { name, limit } = set;
    metrics.refused.inc({ policy: name });
    const policy = { name, limit, windowSeconds: (name === "user-open" ? OPEN_MS : HOUR_MS) / 1_000 };
    throw new ProblemError("too-many-requests", {
      detail: REASONS[name],
      limit: {
        msBeforeNext: full.msBeforeNext,
        fields: {
          ratelimit: allowanceItem({ policy, remaining: 0, msBeforeNext: full.msBeforeNext }),
          "ratelimit-policy": policyItem(policy),
        },
      },
    });
  }

  /** Call when a checkout was accepted for the first time; a retry of a finished one would count it as open again. */
  async accepted({ userId }: Shopper, sagaId: string): Promise<void> {
    const { settings, clock } = this.#options;
    if (settings.userOpen === 0) return;
    await this.#count((store) => store.add(keyOf("user-open", userId), sagaId, clock.now(), OPEN_MS));
  }

  /** Call with each status that is sent to its shopper. Safe to repeat: a saga counts once. */
  async seen({ userId, network }: Shopper, { saga_id, failure_code, completed_at }: SagaEnd): Promise<void> {
    const { settings, clock } = this.#options;
    if (completed_at === null) return;
    if (settings.userOpen > 0)
      await this.#count((store) => store.remove(keyOf("user-open", userId), saga_id));
    if (failure_code === null || !isDecline(failure_code)) return;
    const now = clock.now();
    // From the end of the saga, so that a status that is read again later adds nothing.
    const windowMs = Date.parse(completed_at) + HOUR_MS - now;
    if (windowMs <= 0) return;
    const sets = [
      ...counted("user-declines", userId, settings.userDeclines),
      ...counted("network-declines", network, settings.networkDeclines),
    ];
    await Promise.all(sets.map(({ key }) => this.#count((store) => store.add(key, saga_id, now, windowMs))));
  }

  async #count<T>(call: (store: Omit<LimitStore, "increment">) => Promise<T>): Promise<T> {
    try {
      return await call(this.#options.store);
    } catch (error) {
      if (!(error instanceof AppError && error.code === "REDIS_UNAVAILABLE")) throw error;
      this.#options.metrics.local.inc({});
      return call(this.#local);
    }
  }
}

const REASONS = {
  "user-cards": "too many different payment methods within an hour",
  "network-cards": "too many different payment methods from this network within an hour",
  "user-declines": "too many declined payments within an hour",
  "network-declines": "too many declined payments from this network within an hour",
  "user-open": "too many checkouts in progress: wait until some are finished",
} as const;
type Name = keyof typeof REASONS;

interface NamedSet extends CountedSet {
  readonly name: Name;
}

/** Nothing if the limit is switched off. */
function counted(name: Name, subject: string, limit: number): readonly NamedSet[] {
  return limit === 0 ? [] : [{ name, key: keyOf(name, subject), limit }];
}

function keyOf(name: Name, subject: string): string {
  return `${KEY_PREFIX}${name}:${subject}`;
}
