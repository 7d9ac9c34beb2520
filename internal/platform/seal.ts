// Seals the shopper's payment token to the payment service's public key (compact JWE), so that Kafka, the saga's database, logs
// and traces never hold it in clear. The gateway seals, the payment service opens, `checkoutctl keys generate` makes the pair.
import {
  compactDecrypt,
  CompactEncrypt,
  type CryptoKey,
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
  const { key, kid } = await importKey(publicJwk, "public");
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
 * Returns the function that opens what a sealer made; it throws SEAL_INVALID for anything else. Throws CONFIG_INVALID when
 * `privateJwk` (JSON text) is no such key.
 */
export async function createOpener(privateJwk: string): Promise<(sealed: string) => Promise<string>> {
  const { key } = await importKey(privateJwk, "private");
  const options = { keyManagementAlgorithms: [ALGORITHM], contentEncryptionAlgorithms: [CONTENT_ENCRYPTION] };
  return async (sealed) => {
    const { plaintext, protectedHeader } = await compactDecrypt(sealed, key, options).catch(
      (cause: unknown) => {
        throw new AppError("SEAL_INVALID", "the payment token was not sealed to this service's key", {
          cause,
        });
      },
    );
    if (protectedHeader.typ !== PURPOSE)
      throw new AppError("SEAL_INVALID", "what was sealed is no payment token");
    return new TextDecoder().decode(plaintext);
  };
}

/** A new pair as JSON texts; the key id tells pairs apart while they are exchanged. */
export async function generateSealingKeys(): Promise<SealingKeys> {
  const pair = await generateKeyPair(ALGORITHM, { crv: CURVE, extractable: true });
  const shared = { alg: ALGORITHM, use: "enc", kid: crypto.randomUUID() };
  const text = async (key: CryptoKey) => JSON.stringify({ ...(await exportJWK(key)), ...shared });
  return { publicJwk: await text(pair.publicKey), privateJwk: await text(pair.privateKey) };
}

async function importKey(
  text: string,
  half: "public" | "private",
): Promise<{ key: CryptoKey; kid: string | undefined }> {
  try {
    const jwk: JWK = JSON.parse(text);
    if (jwk.crv !== CURVE) throw new Error(`its curve is not ${CURVE}`);
    if ((jwk.d !== undefined) !== (half === "private"))
      throw new Error(`it is not the ${half} half of a pair`);
    const key = await importJWK(jwk, ALGORITHM);
    if (key instanceof Uint8Array) throw new Error("it is a symmetric key");
    return { key, kid: jwk.kid };
  } catch (cause) {
    throw new AppError(
      "CONFIG_INVALID",
      `PAYMENT_${half.toUpperCase()}_JWK is no ${half} key that can be used; \`checkoutctl keys generate\` makes a pair`,
      { cause },
    );
  }
}
