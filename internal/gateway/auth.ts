// Verifies the bearer token (JWT, HS256) and returns the user's id. A verification costs 100-250 us of CPU, so verified tokens are
// cached until they expire; the cache is bounded.
import { errors, jwtVerify } from "jose";
import type { Clock } from "../kernel/ports.ts";
import { ProblemError } from "./problem.ts";
import { RecentlyUsed } from "../kernel/recently-used.ts";
import { userIdOf } from "./user-id.ts";

/** About 1 KB each. */
const MAX_REMEMBERED_TOKENS = 20_000;
const MAX_TOKEN_LENGTH = 4_096;
/** Allowed difference between the clocks of issuer and gateway. */
const CLOCK_TOLERANCE_SECONDS = 5;
/** RFC 7235: the scheme is case-insensitive, with one or more spaces after it. */
const BEARER = /^Bearer +([^\s]+)$/i;

export interface AuthOptions {
  /** Shared secret, at least 32 bytes. */
  readonly hs256Secret: string;
  /** If set, tokens of other issuers or for other audiences are rejected. */
  readonly issuer?: string | undefined;
  readonly audience?: string | undefined;
  readonly clock: Clock;
}

interface Verified {
  readonly userId: string;
  /** Epoch ms, with the tolerance. */
  readonly expiresAt: number;
}

export class Authenticator {
  readonly #options: AuthOptions;
  readonly #key: Uint8Array;
  readonly #remembered = new RecentlyUsed<string, Verified>(MAX_REMEMBERED_TOKENS);

  constructor(options: AuthOptions) {
    this.#options = options;
    this.#key = new TextEncoder().encode(options.hs256Secret);
  }

  /** The user's id from an `Authorization: Bearer` header. Throws the problem `unauthenticated` with the reason. */
  async userOf(authorization: string | null): Promise<string> {
    if (authorization !== null && authorization.length > MAX_TOKEN_LENGTH) refuse("the token is too long");
    const token = BEARER.exec(authorization ?? "")?.[1];
    if (token === undefined) return refuse("send Authorization: Bearer <token>");
    const known = this.#remembered.get(token);
    if (known !== undefined && known.expiresAt > this.#options.clock.now()) return known.userId;
    this.#remembered.delete(token);
    const verified = await this.#verify(token);
    this.#remembered.set(token, verified);
    return verified.userId;
  }

  async #verify(token: string): Promise<Verified> {
    const { issuer, audience, clock } = this.#options;
    const { payload } = await jwtVerify(token, this.#key, {
      algorithms: ["HS256"],
      ...(issuer === undefined ? {} : { issuer }),
      ...(audience === undefined ? {} : { audience }),
      requiredClaims: ["sub", "exp"],
      currentDate: new Date(clock.now()),
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
    }).catch((error: unknown) => {
      // jose's messages are safe to show to the token's holder. Any other error is our fault.
      if (!(error instanceof errors.JOSEError)) throw error;
      return refuse(`the token is rejected: ${error.message}`, error);
    });
    const { exp = 0 } = payload;
    return { userId: userIdOf(payload), expiresAt: (exp + CLOCK_TOLERANCE_SECONDS) * 1_000 };
  }
}

function refuse(detail: string, cause?: unknown): never {
  throw new ProblemError("unauthenticated", { detail, cause });
}
