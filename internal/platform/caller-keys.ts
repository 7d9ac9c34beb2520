// The keys of internal tokens (Ed25519): each caller has a private key, and every service has the public keys of those whom it trusts,
// with what each may assert. `checkoutctl keys caller` makes them. Called by access.ts and by the console, which trust callers, and by
// every role and tool that proves itself to another.
import { type CryptoKey, exportJWK, generateKeyPair, importJWK, type JWK } from "jose";
import { AppError } from "../kernel/errors.ts";

export const ALGORITHM = "EdDSA";
const CURVE = "Ed25519";
const ISSUER = /^[a-z][a-z0-9-]{0,31}$/;

/**
 * What the holder of a key may say. `service`: "I am that role, and ask for its shoppers". `reader`: "I am that role, and only read the
 * catalogue". `operators`: "this is the person NAME, a viewer or an operator"; whoever has such a key can be any operator.
 */
export const KEY_KINDS = ["service", "reader", "operators"] as const;
export type KeyKind = (typeof KEY_KINDS)[number];
/** Of a role's own key. Such a key signs for an actor role of the same name. */
export type RoleKeyKind = Exclude<KeyKind, "operators">;

export interface CallerKey {
  readonly kid: string;
  /** `gateway`, `operators`: whose key it is. During a rotation two keys have the same issuer. */
  readonly issuer: string;
  readonly kind: KeyKind;
  readonly key: CryptoKey;
}

/** A JWK (RFC 7517) with two members of ours. */
interface CallerJwk extends JWK {
  readonly issuer?: unknown;
  readonly kind?: unknown;
}

export interface CallerKeyPair {
  /** JSON texts. */
  readonly publicJwk: string;
  readonly privateJwk: string;
}

export async function generateCallerKeys(issuer: string, kind: KeyKind): Promise<CallerKeyPair> {
  const pair = await generateKeyPair(ALGORITHM, { crv: CURVE, extractable: true });
  const shared = { alg: ALGORITHM, use: "sig", kid: crypto.randomUUID(), issuer, kind };
  const text = async (key: CryptoKey) => JSON.stringify({ ...(await exportJWK(key)), ...shared });
  return { publicJwk: await text(pair.publicKey), privateJwk: await text(pair.privateKey) };
}

/** The public half of a private key, both JSON texts. */
export function publicHalf(privateJwk: string): string {
  const { d: _, ...rest }: CallerJwk = JSON.parse(privateJwk);
  return JSON.stringify(rest);
}

/** A JWK set of the older keys and the new one, as JSON text. `older` is a JWK set, or undefined. */
export function withCallerKey(publicJwk: string, older: string | undefined): string {
  return JSON.stringify({ keys: [...(older === undefined ? [] : jwksOf(older)), JSON.parse(publicJwk)] });
}

/** Reads TRUSTED_CALLERS_JWKS: the public keys by their id. Throws CONFIG_INVALID that names the setting and the key. */
export async function trustedKeys(text: string): Promise<ReadonlyMap<string, CallerKey>> {
  const setting = "TRUSTED_CALLERS_JWKS";
  const keys = new Map<string, CallerKey>();
  const kinds = new Map<string, KeyKind>();
  for (const [index, jwk] of asSetting(setting, () => jwksOf(text)).entries()) {
    const key = await importOne(`key ${index + 1} of ${setting}`, jwk, "public");
    if (keys.has(key.kid)) throw unusable(setting, "two of its keys have the same kid: each needs its own");
    // Otherwise the names of operators and of roles could not be told apart.
    if ((kinds.get(key.issuer) ?? key.kind) !== key.kind)
      throw unusable(setting, `${key.issuer} has keys of two kinds: give one of them another issuer`);
    kinds.set(key.issuer, key.kind);
    keys.set(key.kid, key);
  }
  if (keys.size === 0) throw unusable(setting, "it has no key");
  return keys;
}

/** Reads the private key of a caller. Throws CONFIG_INVALID that names the setting. */
export async function signingKey<Kind extends KeyKind>(
  setting: string,
  text: string,
  kind: Kind,
): Promise<CallerKey & { readonly kind: Kind }> {
  const jwk = asSetting(setting, (): CallerJwk => JSON.parse(text));
  if ("keys" in jwk) throw unusable(setting, "it is a set: set it to the one key that signs");
  const key = await importOne(setting, jwk, "private");
  if (key.kind !== kind) throw unusable(setting, `its kind is "${key.kind}", not "${kind}"`);
  return { ...key, kind };
}

async function importOne(what: string, jwk: CallerJwk, half: "public" | "private"): Promise<CallerKey> {
  const { kty, crv, kid, issuer, kind: named } = jwk;
  const kind = KEY_KINDS.find((one) => one === named);
  if (kty !== "OKP" || crv !== CURVE) throw unusable(what, `it is not an ${CURVE} key`);
  if ((jwk.d !== undefined) !== (half === "private"))
    throw unusable(
      what,
      half === "public" ? "it is a private key: use its public half" : "it is a public key",
    );
  if (kid === undefined || kid === "") throw unusable(what, "it has no kid");
  if (typeof issuer !== "string" || !ISSUER.test(issuer))
    throw unusable(what, "its issuer is not 1 to 32 lower-case letters, digits and dashes");
  if (kind === undefined) throw unusable(what, `its kind is not one of ${KEY_KINDS.join(", ")}`);
  try {
    const key = await importJWK(jwk, ALGORITHM);
    if (key instanceof Uint8Array) throw new Error("it is a shared secret");
    return { kid, issuer, kind, key };
  } catch (cause) {
    throw unusable(what, "its bytes are not a key", cause);
  }
}

/** The keys of a JWK set. */
function jwksOf(text: string): readonly CallerJwk[] {
  const parsed: { readonly keys?: unknown } | null = JSON.parse(text);
  if (!Array.isArray(parsed?.keys)) throw new Error('it is not a JWK set, {"keys": [..]}');
  return parsed.keys.map((key: CallerJwk | null) => key ?? {});
}

function asSetting<T>(setting: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    // A parser's message may quote the text, and that may be a private key.
    throw unusable(setting, cause instanceof SyntaxError ? "it is not JSON" : String(cause));
  }
}

function unusable(what: string, why: string, cause?: unknown): AppError {
  return new AppError(
    "CONFIG_INVALID",
    `${what} is not usable: ${why}; \`checkoutctl keys caller\` makes keys`,
    cause === undefined ? {} : { cause },
  );
}
