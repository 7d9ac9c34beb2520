// Guards the routes of a role's internal API: verifies the token of each request, looks the route up in the table of permissions, and
// counts and logs refusals. Called by cmd/orchestrator, inventory, order and payment.
import { type Access, type Actor, Denied } from "../kernel/actor.ts";
import { AppError, assert } from "../kernel/errors.ts";
import { type InternalApiName, type Permissions, PERMISSIONS } from "../kernel/permissions.ts";
import type { Clock } from "../kernel/ports.ts";
import type { Log, Meter } from "../kernel/telemetry.ts";
import { trustedKeys } from "./caller-keys.ts";
import { systemClock } from "./clock.ts";
import { InternalTokens } from "./internal-tokens.ts";
import type { RoleContext } from "./lifecycle.ts";
import { throttle } from "./log-throttle.ts";
import { peerOf } from "./serve-http.ts";

/** RFC 7235: the scheme is case-insensitive, with one or more spaces after it. */
const BEARER = /^Bearer +([^\s]+)$/i;

/** Longer than any upgrade; a forgotten setting ends by itself. */
const LONGEST_UPGRADE_MS = 7 * 86_400_000;
/** The gateway of a version without tokens. */
const UNSIGNED_GATEWAY: Actor = { name: "gateway", role: "service", issuer: "nobody" };

/** Register once per process. */
export function accessMetrics(meter: Meter) {
  const refused = meter.counter(
    "internal_requests_refused_total",
    "Requests to the internal API that were refused: no_token, bad_token, unknown_key and expired (401), forbidden (403)",
    ["reason"],
  );
  const unsigned = meter.counter(
    "internal_requests_unsigned_total",
    "Requests without a token that were let in as the gateway's, because of UNSIGNED_GATEWAY_UNTIL",
  );
  return {
    refused: (reason: Denied["reason"]) => refused.inc({ reason }),
    unsigned: () => unsigned.inc({}),
  };
}

export interface GuardOptions {
  readonly tokens: Pick<InternalTokens, "verify">;
  readonly permissions: Permissions;
  /** Epoch ms. Until then, a request without a token is the gateway's. */
  readonly unsignedUntil?: number | undefined;
  readonly metrics: ReturnType<typeof accessMetrics>;
  readonly log: Pick<Log, "warn">;
  readonly clock: Clock;
}

interface Refusal {
  readonly route: string;
  /** Of the connection's other end. */
  readonly address: string;
  /** Undefined if it is not known. */
  readonly actor: Actor | undefined;
}

export class AccessGuard implements Access {
  readonly #options: GuardOptions;
  readonly #leftOutOf: ReturnType<typeof throttle>;

  constructor(options: GuardOptions) {
    this.#options = options;
    this.#leftOutOf = throttle(options.clock);
  }

  async admit(request: Request, route: string): Promise<Actor> {
    const { tokens, permissions } = this.#options;
    const what = `${request.method === "HEAD" ? "GET" : request.method} ${route}`;
    const roles = permissions[what];
    assert(roles !== undefined, `${what} is not in the table of permissions, so nobody may call it`);
    let actor: Actor | undefined;
    try {
      actor =
        this.#unsigned(request) ?? (await tokens.verify(bearerOf(request.headers.get("authorization"))));
      if (roles.includes(actor.role)) return actor;
      const { name, role } = actor;
      throw new Denied("forbidden", `${name} has the role ${role}; ${what} is for ${roles.join(", ")}`);
    } catch (error) {
      if (error instanceof Denied) this.#refused(error, { route: what, address: peerOf(request), actor });
      throw error;
    }
  }

  #unsigned({ headers }: Request): Actor | undefined {
    const { unsignedUntil, clock, metrics } = this.#options;
    if (unsignedUntil === undefined || headers.has("authorization") || clock.now() >= unsignedUntil)
      return undefined;
    metrics.unsigned();
    return UNSIGNED_GATEWAY;
  }

  #refused({ reason, message }: Denied, { actor, ...where }: Refusal): void {
    const { log, metrics } = this.#options;
    metrics.refused(reason);
    const leftOut = this.#leftOutOf(reason);
    if (leftOut === null) return;
    const who = actor === undefined ? {} : { actor: actor.name, actor_role: actor.role };
    log.warn(
      { ...where, reason, ...who, ...leftOut },
      `a request to the internal API was refused: ${message}`,
    );
  }
}

function bearerOf(header: string | null): string {
  const token = BEARER.exec(header ?? "")?.[1];
  if (token !== undefined) return token;
  throw new Denied(
    "no_token",
    "send Authorization: Bearer TOKEN; a person gets a token with `checkoutctl token --operator NAME`, a role signs its own (GATEWAY_PRIVATE_JWK, NOTIFICATION_PRIVATE_JWK)",
  );
}

export interface AccessSettings {
  readonly TRUSTED_CALLERS_JWKS: string;
  readonly UNSIGNED_GATEWAY_UNTIL?: string;
}

/** The guard of this role's API. Throws CONFIG_INVALID if a setting of `accessConfig` is not usable. */
export async function openAccess(
  { log, metrics }: Pick<RoleContext<unknown>, "log" | "metrics">,
  api: InternalApiName,
  env: AccessSettings,
): Promise<Access> {
  const keys = await trustedKeys(env.TRUSTED_CALLERS_JWKS);
  const unsignedUntil = endOfUpgrade(env.UNSIGNED_GATEWAY_UNTIL, systemClock.now());
  if (unsignedUntil !== undefined)
    log.warn(
      { until: env.UNSIGNED_GATEWAY_UNTIL },
      "UNSIGNED_GATEWAY_UNTIL: until then, whoever reaches the internal API can be the gateway",
    );
  log.info(
    { keys: [...keys.values()].map(({ kid, issuer, kind }) => ({ kid, issuer, kind })) },
    "these keys may call the internal API",
  );
  return new AccessGuard({
    tokens: new InternalTokens({ keys, clock: systemClock }),
    permissions: PERMISSIONS[api],
    unsignedUntil,
    metrics: accessMetrics(metrics),
    log,
    clock: systemClock,
  });
}

/** Undefined if the time has passed or the setting is not set. */
export function endOfUpgrade(text: string | undefined, now: number): number | undefined {
  if (text === undefined) return undefined;
  const until = Date.parse(text);
  if (Number.isNaN(until) || until > now + LONGEST_UPGRADE_MS)
    throw new AppError(
      "CONFIG_INVALID",
      "UNSIGNED_GATEWAY_UNTIL is not a time within the next 7 days: set it to the end of the upgrade, and remove it afterwards",
    );
  return until > now ? until : undefined;
}
