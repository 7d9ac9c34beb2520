// The keys that verify tokens. The key decides which algorithms it accepts, never the token: a token that says HS256 cannot turn a
// public key into a shared secret. Called by auth.ts; issuer-keys.ts has the keys of an identity provider.
import { type CryptoKey, errors } from "jose";

/** The protected header of a token that is not verified yet. */
export interface TokenHeader {
  readonly alg?: string | undefined;
  readonly kid?: string | undefined;
}

export interface TokenKeys {
  /** Every algorithm that some key accepts. */
  readonly algorithms: readonly string[];
  /** Rises when a key is removed: tokens that were verified before must be verified again. */
  readonly removals: number;
  /** The only key that fits. Throws a JOSEError if there is none, SERVICE_UNAVAILABLE if the keys cannot be known now. */
  keyFor(header: TokenHeader): Promise<CryptoKey | Uint8Array>;
}

/** One secret for issuer and gateway. Development only: whoever can verify tokens can also make them. */
export class SharedSecret implements TokenKeys {
  readonly algorithms = ["HS256"];
  readonly removals = 0;
  readonly #key: Uint8Array;

  /** At least 32 bytes. */
  constructor(secret: string) {
    this.#key = new TextEncoder().encode(secret);
  }

  async keyFor({ alg }: TokenHeader): Promise<Uint8Array> {
    if (alg === "HS256") return this.#key;
    throw new errors.JOSEAlgNotAllowed("only HS256 is accepted here");
  }
}
