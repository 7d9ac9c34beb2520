// Verifies a shopper's token (JWT) and returns who it is. A verification costs 100-250 us of CPU, so verified tokens are cached
// until they expire; the cache is bounded. Revoked sessions and removed keys count for cached tokens too.
import { errors, type JWTPayload, jwtVerify, type JWTVerifyResult } from "jose";
import type { Clock } from "../kernel/ports.ts";
import { LONGEST_TOKEN_SECONDS } from "../kernel/revocation.ts";
import { ProblemError } from "./problem.ts";
import { RecentlyUsed } from "../kernel/recently-used.ts";
import type { Revocations, TokenSession } from "./revocations.ts";
import type { TokenKeys } from "./token-keys.ts";
import { userIdOf } from "./user-id.ts";

/** About 1 KB each. */
const MAX_REMEMBERED_TOKENS = 20_000;
const MAX_TOKEN_LENGTH = 4_096;
/** Allowed difference between the clocks of issuer and gateway. */
const CLOCK_TOLERANCE_SECONDS = 5;
/** RFC 7235: the scheme is case-insensitive, with one or more spaces after it. */
const BEARER = /^Bearer +([^\s]+)$/i;
/** RFC 7519, 5.1: a token without `typ` is a plain JWT. RFC 9068: `at+jwt` is an access token. */
export const TOKEN_TYPES = ["JWT", "at+jwt"];

export interface AuthOptions {
  readonly keys: TokenKeys;
  /** If set, tokens of other issuers or for other audiences are rejected. */
  readonly issuer?: string | undefined;
  readonly audience?: string | undefined;
  /** Accepted values of `typ`. A token of another type (an ID token, a logout token) is no permission. */
  readonly types?: readonly string[];
  /** From issue, or from now if the token does not say when it was issued, to expiry. */
  readonly maxLifetimeSeconds?: number;
  readonly revocations?: Pick<Revocations, "isRevoked">;
  readonly clock: Clock;
}

/** A verified shopper. */
export interface Identity extends TokenSession {
  /** Epoch ms, with the tolerance. */
  readonly expiresAt: number;
}

interface Verified extends Identity {
  /** `TokenKeys.removals` at the time. */
  readonly removals: number;
}

export class Authenticator {
  readonly #options: AuthOptions;
  readonly #types: ReadonlySet<string>;
  readonly #maxLifetimeSeconds: number;
  readonly #remembered = new RecentlyUsed<string, Verified>(MAX_REMEMBERED_TOKENS);

  constructor(options: AuthOptions) {
    this.#options = options;
    this.#types = new Set((options.types ?? TOKEN_TYPES).map(typeName));
    this.#maxLifetimeSeconds = options.maxLifetimeSeconds ?? LONGEST_TOKEN_SECONDS;
  }

  /** The user's id from an `Authorization: Bearer` header. Throws the problem `unauthenticated` with the reason. */
  async userOf(authorization: string | null): Promise<string> {
    return (await this.verify(bearerOf(authorization))).userId;
  }

  /** The same for limits, before a route answers: null instead of a problem. A revoked session still counts for its user. */
  async knownUserOf(authorization: string | null): Promise<string | null> {
    if (authorization === null) return null;
    try {
      return (await this.#remember(bearerOf(authorization))).userId;
    } catch {
      return null;
    }
  }

  /**
   * Who the bare token belongs to; for a token from elsewhere than the header, such as a cookie. Throws the problem
   * `unauthenticated` with the reason, and SERVICE_UNAVAILABLE if the keys cannot be known now.
   */
  async verify(token: string): Promise<Identity> {
    const identity = await this.#remember(token);
    if (this.#options.revocations?.isRevoked(identity) === true)
      refuse("the session was ended: sign in again");
    return identity;
  }

  /** Verifies each token once. */
  async #remember(token: string): Promise<Verified> {
    const { clock, keys } = this.#options;
    if (token.length > MAX_TOKEN_LENGTH) refuse("the token is too long");
    const known = this.#remembered.get(token);
    if (known !== undefined && known.expiresAt > clock.now() && known.removals === keys.removals)
      return known;
    this.#remembered.delete(token);
    const verified = await this.#verify(token);
    this.#remembered.set(token, verified);
    return verified;
  }

  async #verify(token: string): Promise<Verified> {
    const { keys, issuer, audience, clock } = this.#options;
    const { removals } = keys;
    const { payload, protectedHeader } = await jwtVerify(token, (header) => keys.keyFor(header), {
      algorithms: [...keys.algorithms],
      ...(issuer === undefined ? {} : { issuer }),
      ...(audience === undefined ? {} : { audience }),
      requiredClaims: ["sub", "exp"],
      currentDate: new Date(clock.now()),
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
    }).catch((error: unknown): JWTVerifyResult => {
      // jose's messages are safe to show to the token's holder. Any other error is our fault.
      if (!(error instanceof errors.JOSEError)) throw error;
      return refuse(`the token is rejected: ${error.message}`, error);
    });
    if (!this.#types.has(typeName(protectedHeader.typ ?? "JWT")))
      return refuse(`the token's typ is not ${[...this.#types].join(" or ")}`);
    const { exp = 0 } = payload;
    this.#checkLifetime(payload.iat, exp);
    return {
      userId: userIdOf(payload),
      sessionId: textOf(payload, "sid"),
      tokenId: textOf(payload, "jti"),
      issuedAt: payload.iat,
      expiresAt: (exp + CLOCK_TOLERANCE_SECONDS) * 1_000,
      removals,
    };
  }

  #checkLifetime(issuedAt: number | undefined, expiresAt: number): void {
    const now = Math.floor(this.#options.clock.now() / 1_000);
    // Such a token would outlive a revocation of everything that was issued until now.
    if (issuedAt !== undefined && issuedAt > now + CLOCK_TOLERANCE_SECONDS)
      refuse("the token's iat is in the future");
    const lifetime = expiresAt - (issuedAt ?? now);
    if (lifetime > this.#maxLifetimeSeconds + (issuedAt === undefined ? CLOCK_TOLERANCE_SECONDS : 0))
      refuse(`the token is valid for ${lifetime} s, at most ${this.#maxLifetimeSeconds} s are accepted`);
  }
}

function bearerOf(authorization: string | null): string {
  if (authorization !== null && authorization.length > MAX_TOKEN_LENGTH) refuse("the token is too long");
  return BEARER.exec(authorization ?? "")?.[1] ?? refuse("send Authorization: Bearer <token>");
}

/** A session or token id. One that is no text cannot be revoked, so the token is refused. */
function textOf(payload: JWTPayload, claim: "sid" | "jti"): string | undefined {
  const value = payload[claim];
  if (value === undefined || typeof value === "string") return value;
  return refuse(`the token's ${claim} is not text`);
}

/** RFC 7515, 4.1.9: media types without case, and `application/` may be left out. */
function typeName(typ: string): string {
  return typ.toLowerCase().replace(/^application\//, "");
}

function refuse(detail: string, cause?: unknown): never {
  throw new ProblemError("unauthenticated", { detail, cause });
}
