// A JSON Web Key Set (RFC 7517) as a list of keys that may verify tokens. A key that cannot be used safely is left out, with the
// reason: one bad key must not take the good ones with it. Called by issuer-keys.ts.
import { type CryptoKey, importJWK, type JWK } from "jose";

/** More keys than an issuer has, so that a wrong document stays cheap. */
const MAX_KEYS = 100;
/** RFC 7518, 3.3. */
const MIN_RSA_BITS = 2_048;

/** The accepted algorithms of each kind of key (`kty`, with its curve). RFC 9864 renames EdDSA over Ed25519 to Ed25519. */
const ALGORITHMS: Readonly<Record<string, readonly [string, ...string[]]>> = {
  RSA: ["RS256"],
  "EC P-256": ["ES256"],
  "OKP Ed25519": ["EdDSA", "Ed25519"],
};

export const KEY_ALGORITHMS: readonly string[] = Object.values(ALGORITHMS).flat();

export interface VerifyingKey {
  readonly kid: string | undefined;
  readonly algorithms: readonly string[];
  readonly key: CryptoKey;
  /** Equal for the same key in two documents. */
  readonly identity: string;
}

export interface KeySet {
  readonly keys: readonly VerifyingKey[];
  /** Why the other keys are left out, one sentence each. Never their values. */
  readonly leftOut: readonly string[];
}

/** Throws with the reason if the document is no key set, or has no key that can be used. */
export async function keySetOf(document: unknown): Promise<KeySet> {
  const listed =
    typeof document === "object" && document !== null && "keys" in document ? document.keys : undefined;
  if (!Array.isArray(listed))
    throw new Error("the document is not a JSON Web Key Set: it has no list of keys");
  const keys: VerifyingKey[] = [];
  const leftOut: string[] = [];
  for (const [index, jwk] of listed.slice(0, MAX_KEYS).entries()) {
    const found = await keyOf(jwk).catch(() => "its values are not valid");
    if (typeof found === "string") leftOut.push(`key ${nameOf(jwk) ?? `number ${index + 1}`}: ${found}`);
    else keys.push(found);
  }
  if (listed.length > MAX_KEYS) leftOut.push(`only the first ${MAX_KEYS} of ${listed.length} keys are read`);
  if (keys.length > 0) return { keys, leftOut };
  throw new Error(`the JSON Web Key Set has no usable key: ${leftOut.join("; ") || "it is empty"}`);
}

/** The key, or why it cannot be used. */
async function keyOf(jwk: unknown): Promise<VerifyingKey | string> {
  if (!isJwk(jwk)) return "it is not an object";
  const { kty, crv, kid, alg, use, key_ops } = jwk;
  const algorithms = ALGORITHMS[kty === "RSA" ? kty : `${kty} ${crv}`];
  if (algorithms === undefined) return `${kty} ${crv ?? ""} is not supported`.replace("  ", " ");
  if (kid !== undefined && typeof kid !== "string") return "its kid is not text";
  if (use !== undefined && use !== "sig") return "it is not for signatures (use)";
  if (Array.isArray(key_ops) && !key_ops.includes("verify")) return "it is not for verifying (key_ops)";
  if ("d" in jwk) return "it is a private key: the issuer must replace it";
  const accepted = alg === undefined ? algorithms : algorithms.filter((name) => name === alg);
  if (accepted.length === 0) return `its algorithm (alg) is not ${algorithms.join(" or ")}`;
  const key = await importJWK({ ...jwk, alg: algorithms[0] });
  if (key instanceof Uint8Array) return "it is a shared secret";
  const bits = "modulusLength" in key.algorithm ? Number(key.algorithm["modulusLength"]) : Infinity;
  if (bits < MIN_RSA_BITS) return `it has ${bits} bits, at least ${MIN_RSA_BITS} are needed`;
  const { n, e, x, y } = jwk;
  return { kid, algorithms: accepted, key, identity: JSON.stringify([kid, accepted, n, e, x, y]) };
}

function isJwk(value: unknown): value is JWK {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function nameOf(jwk: unknown): string | undefined {
  return isJwk(jwk) && typeof jwk.kid === "string" ? JSON.stringify(jwk.kid.slice(0, 100)) : undefined;
}
