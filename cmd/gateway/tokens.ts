// Opens what verifies tokens: the keys and the list of revoked sessions. Called by main.ts.
import { Authenticator } from "../../internal/gateway/auth.ts";
import {
  IssuerKeys,
  issuerKeysMetrics,
  KEYS_REFRESH_INTERVAL_MS,
} from "../../internal/gateway/issuer-keys.ts";
import {
  Revocations,
  REVOCATIONS_INTERVAL_MS,
  revocationMetrics,
} from "../../internal/gateway/revocations.ts";
import { SharedSecret, type TokenKeys } from "../../internal/gateway/token-keys.ts";
import { AppError } from "../../internal/kernel/errors.ts";
import { runLoop } from "../../internal/platform/background-loop.ts";
import { systemClock } from "../../internal/platform/clock.ts";
import type { RoleContext } from "../../internal/platform/lifecycle.ts";
import type { Redis } from "../../internal/platform/redis.ts";
import { RevocationStore } from "../../internal/platform/revocation-store.ts";
import type { Config } from "./config.ts";

const LOOP_BACKOFF_CAP_MS = 15_000;

export async function openAuthenticator(context: RoleContext<Config>, redis: Redis): Promise<Authenticator> {
  const { config: env } = context;
  return new Authenticator({
    keys: await openKeys(context),
    issuer: env.JWT_ISSUER,
    audience: env.JWT_AUDIENCE,
    types: env.JWT_TYPES.split(","),
    maxLifetimeSeconds: env.JWT_MAX_LIFETIME_SECONDS,
    revocations: await openRevocations(context, redis),
    clock: systemClock,
  });
}

async function openKeys(context: RoleContext<Config>): Promise<TokenKeys> {
  const { config: env, log, metrics, ops, untilReachable } = context;
  if (env.JWT_JWKS_URL === undefined) {
    // `faultsOf` has checked that one of the two is set.
    if (env.JWT_HS256_SECRET === undefined) throw new AppError("CONFIG_INVALID", "JWT_JWKS_URL is missing");
    log.warn({}, "JWT_DEVELOPMENT: whoever has JWT_HS256_SECRET can be any shopper");
    return new SharedSecret(env.JWT_HS256_SECRET);
  }
  const keys = new IssuerKeys({
    url: env.JWT_JWKS_URL,
    clock: systemClock,
    log,
    metrics: issuerKeysMetrics(metrics),
  });
  await untilReachable("the keys for tokens (JWT_JWKS_URL)", () => keys.refresh());
  // Not required: the last good keys stay in use.
  ops.addCheck("token keys", () => keys.ready(), { required: false });
  runLoop(context, {
    name: "token keys",
    runOnce: () => keys.refresh(),
    intervalMs: KEYS_REFRESH_INTERVAL_MS,
    backoffFirstMs: 1_000,
    backoffCapMs: LOOP_BACKOFF_CAP_MS,
  });
  return keys;
}

async function openRevocations(context: RoleContext<Config>, redis: Redis): Promise<Revocations> {
  const { log, metrics, ops } = context;
  const revocations = new Revocations({
    list: new RevocationStore(redis, systemClock),
    clock: systemClock,
    log,
    metrics: revocationMetrics(metrics),
  });
  // Not required: without Redis the last list stays in use.
  ops.addCheck("revoked sessions", () => revocations.ready(), { required: false });
  // The first requests must meet the list, if there is one. The loop logs a failure.
  await revocations.refresh().catch(() => undefined);
  runLoop(context, {
    name: "revoked sessions",
    runOnce: () => revocations.refresh(),
    intervalMs: REVOCATIONS_INTERVAL_MS,
    backoffCapMs: LOOP_BACKOFF_CAP_MS,
  });
  return revocations;
}
