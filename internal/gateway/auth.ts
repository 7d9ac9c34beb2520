// Who is asking: verifies the bearer token (JWT, HS256) and yields the user's id. A verification costs 100-250 us of CPU, so
// verified tokens are remembered until they expire; the memory is bounded.
import { errors, jwtVerify } from "jose";
import type { Clock } from "../kernel/ports.ts";
import { ProblemError } from "./problem.ts";
import { RecentlyUsed } from "../kernel/recently-used.ts";
import { userIdOf } from "./user-id.ts";

/** About 1 KB each. */
const MAX_REMEMBERED_TOKENS = 20_000;
const MAX_TOKEN_LENGTH = 4_096;
/** Clocks of issuer and gateway may differ by this much, in seconds. */
const CLOCK_TOLERANCE_SECONDS = 5;
/** RFC 7235: the scheme in any case, one or more spaces. */
const BEARER = /^Bearer +([^\s]+)$/i;

export interface AuthOptions {
  /** Shared secret, at least 32 bytes of text. */
  readonly hs256Secret: string;
  /** Where set, tokens of other issuers or for other audiences are refused. */
  readonly issuer?: string | undefined;
  readonly audience?: string | undefined;
  readonly clock: Clock;
}

interface Verified {
  readonly userId: string;
  /** Epoch ms, tolerance included. */
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

  /** The user's id of an `Authorization: Bearer` header. Throws the problem `unauthenticated`, saying why. */
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
      // What jose says of a token is fit for its holder; any other error is a fault of ours.
      if (!(error instanceof errors.JOSEError)) throw error;
      return refuse(`the token is refused: ${error.message}`, error);
    });
    const { exp = 0 } = payload;
    return { userId: userIdOf(payload), expiresAt: (exp + CLOCK_TOLERANCE_SECONDS) * 1_000 };
  }
}

function refuse(detail: string, cause?: unknown): never {
  throw new ProblemError("unauthenticated", { detail, cause });
}
