// Who is asking: verifies the bearer token (JWT, HS256) and yields the user's id. A verification costs 100-250 us of CPU, so
// verified tokens are remembered until they expire; the memory is bounded.
import { jwtVerify } from "jose";
import { Value } from "@sinclair/typebox/value";
import { Uuid } from "../../schemas/fields.ts";
import type { Clock } from "../kernel/ports.ts";
import { ProblemError } from "./problem.ts";

/** At most this many verified tokens are remembered; about 1 KB each. */
const MAX_REMEMBERED_TOKENS = 20_000;
const MAX_TOKEN_LENGTH = 4_096;
/** Clocks of issuer and gateway may differ by this much, in seconds. */
const CLOCK_TOLERANCE_SECONDS = 5;

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
  readonly expiresAt: number;
}

export class Authenticator {
  readonly #options: AuthOptions;
  readonly #key: Uint8Array;
  /** In order of insertion, which makes the first one the oldest. */
  readonly #remembered = new Map<string, Verified>();

  constructor(options: AuthOptions) {
    this.#options = options;
    this.#key = new TextEncoder().encode(options.hs256Secret);
  }

  /** The user's id of an `Authorization: Bearer` header. Throws the problem `unauthenticated`, saying why. */
  async userOf(authorization: string | null): Promise<string> {
    const token = authorization?.startsWith("Bearer ") ? authorization.slice("Bearer ".length) : "";
    if (token === "") throw new ProblemError("unauthenticated", "send Authorization: Bearer <token>");
    if (token.length > MAX_TOKEN_LENGTH) throw new ProblemError("unauthenticated", "the token is too long");
    const known = this.#remembered.get(token);
    if (known !== undefined) {
      if (known.expiresAt > this.#options.clock.now()) return known.userId;
      this.#remembered.delete(token);
    }
    const verified = await this.#verify(token);
    if (this.#remembered.size >= MAX_REMEMBERED_TOKENS) {
      const [oldest] = this.#remembered.keys();
      if (oldest !== undefined) this.#remembered.delete(oldest);
    }
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
      const reason = error instanceof Error ? error.message : "it cannot be verified";
      throw new ProblemError("unauthenticated", `the token is refused: ${reason}`, undefined, {
        cause: error,
      });
    });
    if (!Value.Check(Uuid, payload.sub))
      throw new ProblemError("unauthenticated", "the token's sub is not a user id");
    return { userId: payload.sub, expiresAt: (payload.exp ?? 0) * 1_000 };
  }
}
