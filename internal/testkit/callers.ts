// Callers of internal interfaces for tests: the real guard with keys of its own, the gateway's credential, and tokens of people.
import type { Access, Credential } from "../kernel/actor.ts";
import { type InternalApiName, PERMISSIONS } from "../kernel/permissions.ts";
import type { Log, Meter } from "../kernel/telemetry.ts";
import { AccessGuard, accessMetrics } from "../platform/access.ts";
import { generateCallerKeys, signingKey, trustedKeys, withCallerKey } from "../platform/caller-keys.ts";
import { systemClock } from "../platform/clock.ts";
import { CallerCredential, InternalTokens, mintOperatorToken } from "../platform/internal-tokens.ts";
import { noLog, noMeter } from "./noop-telemetry.ts";

const TTL_SECONDS = 3_600;

const gateway = await generateCallerKeys("gateway", "service");
const notification = await generateCallerKeys("notification", "reader");
const operators = await generateCallerKeys("operators", "operators");
const gatewayKey = await signingKey("GATEWAY_PRIVATE_JWK", gateway.privateJwk, "service");
const notificationKey = await signingKey("NOTIFICATION_PRIVATE_JWK", notification.privateJwk, "reader");
const operatorsKey = await signingKey("OPERATORS_PRIVATE_JWK", operators.privateJwk, "operators");

/** What the notification service proves itself with. */
export const NOTIFICATION_PRIVATE_JWK = notification.privateJwk;

/** The public halves of the three keys. */
export const TRUSTED_CALLERS = withCallerKey(
  operators.publicJwk,
  withCallerKey(notification.publicJwk, withCallerKey(gateway.publicJwk, undefined)),
);
const tokens = new InternalTokens({ keys: await trustedKeys(TRUSTED_CALLERS), clock: systemClock });

interface AccessOptions {
  readonly log?: Pick<Log, "warn">;
  readonly meter?: Meter;
  readonly unsignedUntil?: number;
}

/** Lets in those of this file. */
export function accessTo(
  api: InternalApiName,
  { log = noLog, meter = noMeter, unsignedUntil }: AccessOptions = {},
): Access {
  const metrics = accessMetrics(meter);
  const permissions = PERMISSIONS[api];
  return new AccessGuard({ tokens, permissions, unsignedUntil, metrics, log, clock: systemClock });
}

export function gatewayCredential(): Credential {
  return new CallerCredential(gatewayKey, systemClock);
}

/** For services that a test plays, which ask nobody who they are. */
export const unsigned: Credential = { header: async () => "Bearer nobody", correctClock: () => {} };

export function tokenOfPerson(name: string, role: "viewer" | "operator" = "operator"): Promise<string> {
  return mintOperatorToken(operatorsKey, { name, role, ttlSeconds: TTL_SECONDS, nowMs: Date.now() });
}

/** The headers of the operator Ada, of a person who may only read, and of the gateway. */
export const AS_ADA = { authorization: `Bearer ${await tokenOfPerson("ada")}` };
export const AS_VIEWER = { authorization: `Bearer ${await tokenOfPerson("victor", "viewer")}` };
export async function asGateway(): Promise<{ readonly authorization: string }> {
  return { authorization: await gatewayCredential().header() };
}

export async function asNotification(): Promise<{ readonly authorization: string }> {
  return { authorization: await new CallerCredential(notificationKey, systemClock).header() };
}

/** What checkoutctl needs to act as this operator. */
export async function operatorSettings(name = "ada"): Promise<Readonly<Record<string, string>>> {
  return { OPERATOR_TOKEN: await tokenOfPerson(name), TRUSTED_CALLERS_JWKS: TRUSTED_CALLERS };
}
