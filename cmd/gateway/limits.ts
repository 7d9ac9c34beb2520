// Opens the limits of the gateway. Called by main.ts.
import type { Authenticator } from "../../internal/gateway/auth.ts";
import { GatewayLimits } from "../../internal/gateway/limits/hooks.ts";
import type { LimitSettings } from "../../internal/gateway/limits/policies.ts";
import { limitMetrics, RateLimits } from "../../internal/gateway/limits/rate-limits.ts";
import { SecondCap } from "../../internal/gateway/limits/second-cap.ts";
import { ShoppingLimits } from "../../internal/gateway/limits/shopping-limits.ts";
import { isApi } from "../../internal/gateway/site.ts";
import { systemClock } from "../../internal/platform/clock.ts";
import type { RoleContext } from "../../internal/platform/lifecycle.ts";
import { RedisLimitStore } from "../../internal/platform/redis-limit-store.ts";
import type { Redis } from "../../internal/platform/redis.ts";
import { peerOf } from "../../internal/platform/serve-http.ts";
import { SESSION } from "../../internal/storefront/cookies.ts";
import { cookiesOf } from "../../internal/web/cookies.ts";
import type { Config } from "./config.ts";

interface Parts {
  readonly redis: Redis;
  readonly authenticator: Authenticator;
  readonly onError: (error: unknown, request: Request) => void;
}

export function openLimits(
  { config: env, metrics: meter }: Pick<RoleContext<Config>, "config" | "metrics">,
  { redis, authenticator, onError }: Parts,
): GatewayLimits {
  const metrics = limitMetrics(meter);
  const store = new RedisLimitStore(redis);
  const settings = limitsOf(env);
  const monotonic = () => performance.now();
  return new GatewayLimits({
    rates: new RateLimits({ store, settings, metrics }),
    shopping: new ShoppingLimits({ store, settings, metrics, clock: systemClock }),
    total: new SecondCap(env.RATE_LIMIT_TOTAL, monotonic),
    totalCheckouts: new SecondCap(env.RATE_LIMIT_TOTAL_CHECKOUTS, monotonic),
    metrics,
    peerOf,
    trustedProxies: env.TRUSTED_PROXIES,
    userOf: (request) => authenticator.knownUserOf(credentialOf(request)),
    onError,
  });
}

/**
 * What the request signs in with: the header for the API, the session for the storefront, as a bearer token. Only the one that counts
 * there: with another one, a request would be counted for nobody, or for somebody else.
 */
export function credentialOf({ headers, url }: Request): string | null {
  if (isApi(new URL(url).pathname)) return headers.get("authorization");
  const token = cookiesOf(headers.get("cookie")).get(SESSION);
  return token === undefined ? null : `Bearer ${token}`;
}

function limitsOf(env: Config): LimitSettings {
  const factor = env.RATE_LIMIT_FACTOR;
  return {
    address: env.RATE_LIMIT_ADDRESS * factor,
    user: env.RATE_LIMIT_USER * factor,
    addressCheckouts: env.RATE_LIMIT_ADDRESS_CHECKOUTS * factor,
    userCheckouts: env.RATE_LIMIT_USER_CHECKOUTS * factor,
    userCards: env.RATE_LIMIT_USER_CARDS * factor,
    networkCards: env.RATE_LIMIT_NETWORK_CARDS * factor,
    userDeclines: env.RATE_LIMIT_USER_DECLINES * factor,
    networkDeclines: env.RATE_LIMIT_NETWORK_DECLINES * factor,
    userOpen: env.RATE_LIMIT_USER_OPEN * factor,
  };
}
