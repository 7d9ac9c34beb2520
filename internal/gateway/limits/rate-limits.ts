// Limits requests per client address and per user, for all gateways together: the counters are in Redis. While Redis is away each
// gateway counts by itself. A client that is refused is remembered here until its window ends, so a flood of it costs Redis nothing.
// Called by hooks.ts for every request.
import { RateLimiterRedis, RateLimiterRes } from "rate-limiter-flexible";
import type { LimitStore } from "../../kernel/limit-store.ts";
import type { Meter } from "../../kernel/telemetry.ts";
import { ProblemError } from "../problem.ts";
import { BoundedMemory } from "./bounded-memory.ts";
import {
  type Allowance,
  allowanceItem,
  type LimitSettings,
  type Policy,
  policyItem,
  tightest,
} from "./policies.ts";

const MINUTE_SECONDS = 60;
export const KEY_PREFIX = "rl:";

export type LimitMetrics = ReturnType<typeof limitMetrics>;

export function limitMetrics(meter: Meter) {
  return {
    refused: meter.counter("rate_limit_refusals_total", "Requests that a limit refused.", ["policy"]),
    local: meter.counter(
      "rate_limit_local_total",
      "Decisions of limits that this gateway made by itself, because Redis did not answer.",
    ),
  };
}

/** Who sends a request. */
export interface Caller {
  readonly address: string;
  /** One client, and its neighbourhood: see client-address.ts. */
  readonly client: string;
  readonly network: string;
  /** Null if the request has no valid token. */
  readonly userId: string | null;
}

export interface RateLimitsOptions {
  readonly store: Pick<LimitStore, "increment">;
  readonly settings: LimitSettings;
  readonly metrics: LimitMetrics;
}

/** Fields of an answer. */
export interface LimitFields {
  readonly ratelimit: string;
  readonly "ratelimit-policy": string;
}

interface Limiter {
  readonly policy: Policy;
  readonly subject: "client" | "userId";
  readonly redis: RateLimiterRedis;
}

export class RateLimits {
  readonly #options: RateLimitsOptions;
  readonly #always: readonly Limiter[];
  readonly #checkouts: readonly Limiter[];

  constructor(options: RateLimitsOptions) {
    this.#options = options;
    const { address, user, addressCheckouts, userCheckouts } = options.settings;
    const limiter = (name: string, subject: Limiter["subject"], limit: number): readonly Limiter[] =>
      limit === 0 ? [] : [this.#limiter({ name, limit, windowSeconds: MINUTE_SECONDS }, subject)];
    this.#always = [...limiter("address", "client", address), ...limiter("user", "userId", user)];
    this.#checkouts = [
      ...this.#always,
      ...limiter("address-checkouts", "client", addressCheckouts),
      ...limiter("user-checkouts", "userId", userCheckouts),
    ];
  }

  /** Counts one request. Throws the problem `too-many-requests`. All counters travel to Redis in one write. */
  async admit(caller: Caller, isCheckout: boolean): Promise<LimitFields | null> {
    const limiters = isCheckout ? this.#checkouts : this.#always;
    const taken = await Promise.all(
      limiters.map(async ({ policy, subject, redis }) => {
        const key = caller[subject];
        return key === null ? null : take(redis, policy, key);
      }),
    );
    const allowances = taken.filter((allowance) => allowance !== null);
    const exceeded = allowances
      .filter(({ isExceeded }) => isExceeded)
      .toSorted((a, b) => b.msBeforeNext - a.msBeforeNext)[0];
    if (exceeded !== undefined) return this.#refuse(exceeded);
    const least = tightest(allowances);
    return least === undefined ? null : fieldsOf(least, allowances);
  }

  #refuse(allowance: Allowance): never {
    const { policy, msBeforeNext } = allowance;
    this.#options.metrics.refused.inc({ policy: policy.name });
    throw new ProblemError("too-many-requests", {
      detail: `at most ${policy.limit} in ${policy.windowSeconds} s (${policy.name})`,
      limit: { msBeforeNext, fields: fieldsOf(allowance, [allowance]) },
    });
  }

  #limiter(policy: Policy, subject: Limiter["subject"]): Limiter {
    const { store, metrics } = this.#options;
    const settings = {
      keyPrefix: `${KEY_PREFIX}${policy.name}`,
      points: policy.limit,
      duration: policy.windowSeconds,
    };
    const redis = new RateLimiterRedis({
      ...settings,
      useRedisPackage: true,
      // The limiter calls only this. The store sends a stored script instead of the text, and fails at once while Redis is away.
      storeClient: {
        async eval(_script: string, { keys: [key = ""], arguments: [points, seconds] }: EvalOptions) {
          try {
            return await store.increment(key, Number(points), Number(seconds));
          } catch (error) {
            metrics.local.inc({});
            throw error;
          }
        },
      },
      inMemoryBlockOnConsumed: policy.limit + 1,
      insuranceLimiter: new BoundedMemory(settings),
    });
    return { policy, subject, redis };
  }
}

interface EvalOptions {
  readonly keys: readonly string[];
  readonly arguments: readonly string[];
}

async function take(redis: RateLimiterRedis, policy: Policy, key: string) {
  try {
    const { remainingPoints, msBeforeNext } = await redis.consume(key);
    return { policy, remaining: remainingPoints, msBeforeNext, isExceeded: false };
  } catch (error) {
    // Anything else is a fault: without Redis the limiter counts in memory.
    if (!(error instanceof RateLimiterRes)) throw error;
    return { policy, remaining: 0, msBeforeNext: error.msBeforeNext, isExceeded: true };
  }
}

function fieldsOf(allowance: Allowance, all: readonly Allowance[]): LimitFields {
  return {
    ratelimit: allowanceItem(allowance),
    "ratelimit-policy": all.map(({ policy }) => policyItem(policy)).join(", "),
  };
}
