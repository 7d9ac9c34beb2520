// Seals the shopper's payment token to the payment service's public key (compact JWE), so that Kafka, the saga's database, logs
// and traces never hold it in clear. The gateway seals, the payment service opens, `checkoutctl keys generate` makes the pair.
import {
  compactDecrypt,
  CompactEncrypt,
  type CryptoKey,
  decodeProtectedHeader,
  exportJWK,
  generateKeyPair,
  importJWK,
  type JWK,
} from "jose";
import { AppError } from "../kernel/errors.ts";

/**
 * Ephemeral X25519 agreement, its secret used as the content key. Nothing is cheaper at this strength, CPU in us per token on
 * the development machine, seal / open: ECDH-ES X25519 96 / 62, P-256 108 / 84; with +A256KW, whose wrapped key one recipient
 * does not need, 117 / 76 and 133 / 105; RSA-OAEP-256 41 / 621.
 */
const ALGORITHM = "ECDH-ES";
const CURVE = "X25519";
const CONTENT_ENCRYPTION = "A256GCM";

/** In the protected header: what was sealed for another purpose to the same key is no payment token. */
const PURPOSE = "checkout-payment-method";

export interface SealingKeys {
  readonly publicJwk: string;
  readonly privateJwk: string;
}

/** Returns the function that seals one payment token. Throws CONFIG_INVALID when `publicJwk` (JSON text) is no such key. */
export async function createSealer(publicJwk: string): Promise<(paymentMethod: string) => Promise<string>> {
  const { key, kid } = await importKey(publicJwk);
  const header = {
    alg: ALGORITHM,
    enc: CONTENT_ENCRYPTION,
    typ: PURPOSE,
    ...(kid === undefined ? {} : { kid }),
  };
  return (paymentMethod) =>
    new CompactEncrypt(new TextEncoder().encode(paymentMethod)).setProtectedHeader(header).encrypt(key);
}

/**
 * Returns the function that opens what a sealer made. It throws SEAL_KEY_UNKNOWN for what was sealed to a key that is not here,
 * which another process may have, and SEAL_INVALID for anything else. `privateKeys` is the JSON text of a JWK, or of a JWK set
 * (RFC 7517) while keys are exchanged. Throws CONFIG_INVALID when it is neither.
 */
export async function createOpener(privateKeys: string): Promise<(sealed: string) => Promise<string>> {
  const keys = await importKeys(privateKeys);
  const options = { keyManagementAlgorithms: [ALGORITHM], contentEncryptionAlgorithms: [CONTENT_ENCRYPTION] };
  return async (sealed) => {
    const kid = kidOf(sealed);
    const named = keys.filter((key) => key.kid === kid);
    // A pair of other tools may come without an id, and so may what is sealed to it.
    const fitting =
      named.length > 0 ? named : keys.filter((key) => key.kid === undefined || kid === undefined);
    let refusal: unknown;
    for (const { key } of fitting) {
      try {
        const { plaintext, protectedHeader } = await compactDecrypt(sealed, key, options);
        if (protectedHeader.typ === PURPOSE) return new TextDecoder().decode(plaintext);
        throw new AppError("SEAL_INVALID", "what was sealed is no payment token");
      } catch (error) {
        if (error instanceof AppError) throw error;
        refusal = error;
      }
    }
    const cause = { cause: refusal };
    if (named.length > 0 && kid !== undefined)
      throw new AppError("SEAL_INVALID", "the payment token is not as it was sealed", cause);
    const name = kid === undefined ? "without an id" : JSON.stringify(kid);
    throw new AppError(
      "SEAL_KEY_UNKNOWN",
      `the payment token was sealed to a key that is not here (${name})`,
      cause,
    );
  };
}

/** The ids of the keys in a JWK or a JWK set, `-` for one without: to be shown to people. */
export function keyIds(text: string): readonly string[] {
  return jwksOf(text).map(({ kid }) => kid ?? "-");
}

/** A private key and those that are to be kept beside it, newest first, as the JSON text that `createOpener` takes. */
export function withOlderKeys(newest: string, older: string): string {
  return JSON.stringify({ keys: [...jwksOf(newest), ...jwksOf(older)] });
}

/** Undefined where it names none. Throws SEAL_INVALID for what is no JWE of ours at all. */
function kidOf(sealed: string): string | undefined {
  try {
    return decodeProtectedHeader(sealed).kid;
  } catch (cause) {
    throw new AppError("SEAL_INVALID", "the payment token was not sealed", { cause });
  }
}

/** A new pair as JSON texts; the key id tells pairs apart while they are exchanged. */
export async function generateSealingKeys(): Promise<SealingKeys> {
  const pair = await generateKeyPair(ALGORITHM, { crv: CURVE, extractable: true });
  const shared = { alg: ALGORITHM, use: "enc", kid: crypto.randomUUID() };
  const text = async (key: CryptoKey) => JSON.stringify({ ...(await exportJWK(key)), ...shared });
  return { publicJwk: await text(pair.publicKey), privateJwk: await text(pair.privateKey) };
}

interface SealingKey {
  readonly key: CryptoKey;
  readonly kid: string | undefined;
}

async function importKeys(text: string): Promise<readonly SealingKey[]> {
  const keys = await Promise.all(
    asSetting("private", () => jwksOf(text)).map((jwk) => importOne(jwk, "private")),
  );
  const ids = keys.map(({ kid }) => kid);
  if (new Set(ids).size < ids.length)
    throw new AppError("CONFIG_INVALID", "PAYMENT_PRIVATE_JWK holds two keys of one kid: each needs its own");
  return keys;
}

async function importKey(text: string): Promise<SealingKey> {
  const [jwk, ...more] = asSetting("public", () => jwksOf(text));
  if (jwk === undefined || more.length > 0)
    throw new AppError(
      "CONFIG_INVALID",
      "PAYMENT_PUBLIC_JWK is not one key: a gateway seals to the newest alone",
    );
  return importOne(jwk, "public");
}

/** The keys of a JWK set, or the one key. */
function jwksOf(text: string): readonly JWK[] {
  const parsed: JWK | { readonly keys: readonly JWK[] } = JSON.parse(text);
  const keys = "keys" in parsed && Array.isArray(parsed.keys) ? parsed.keys : [parsed];
  if (keys.length === 0) throw new Error("it holds no key");
  return keys;
}

async function importOne(jwk: JWK, half: "public" | "private"): Promise<SealingKey> {
  try {
    if (jwk.crv !== CURVE) throw new Error(`its curve is not ${CURVE}`);
    if ((jwk.d !== undefined) !== (half === "private"))
      throw new Error(`it is not the ${half} half of a pair`);
    const key = await importJWK(jwk, ALGORITHM);
    if (key instanceof Uint8Array) throw new Error("it is a symmetric key");
    return { key, kid: jwk.kid };
  } catch (cause) {
    throw unusable(half, cause);
  }
}

function asSetting<T>(half: "public" | "private", read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw unusable(half, cause);
  }
}

function unusable(half: "public" | "private", cause: unknown): AppError {
  return new AppError(
    "CONFIG_INVALID",
    `PAYMENT_${half.toUpperCase()}_JWK is no ${half} key that can be used; \`checkoutctl keys generate\` makes a pair`,
    { cause },
  );
}
