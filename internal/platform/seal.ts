// Encrypts ("seals") the shopper's payment token with the payment service's public key (compact JWE), so that Kafka, the saga
// database, logs and traces never hold it in clear text. The gateway seals, the payment service opens, and `checkoutctl keys
// generate` makes the key pair.
import { createCipheriv, createDecipheriv } from "node:crypto";
import { type CryptoKey, exportJWK, generateKeyPair } from "jose";
import { AppError } from "../kernel/errors.ts";
import { RecentlyUsed } from "../kernel/recently-used.ts";
import {
  agreeWith,
  ALGORITHM,
  CONTENT_ENCRYPTION,
  contentKeyOf,
  CURVE,
  type EphemeralKey,
  type Parties,
} from "./key-agreement.ts";
import { importKey, importKeys, jwksOf, type SealingKey } from "./sealing-keys.ts";

/*
 * jose with one key agreement per token and WebCrypto costs 96 us of CPU to seal and 62 us to open, 258 and 230 us on a busy
 * machine. One agreement for all tokens of a minute with node's own AES costs 7 and 8 us on a busy machine. See docs/adr/0007.
 */

/** How long tokens are sealed with one key. An attacker who reads a gateway's memory can open the tokens of this minute. */
const RENEW_AFTER_MS = 60_000;
/** Maximum tokens per key. AES-GCM allows 2^32 with one key (NIST SP 800-38D, 8.3); the nonces here are a counter. */
const MAX_SEALED_WITH_ONE_KEY = 2 ** 20;
/** Headers whose keys an opener caches: one per gateway and minute. A header is below 4 KB, see MAX_SEALED_LENGTH. */
const MAX_REMEMBERED_HEADERS = 1_024;

const CIPHER = "aes-256-gcm";
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** In the protected header: content that was sealed with the same key for another purpose is not a payment token. */
const PURPOSE = "checkout-payment-method";

export interface SealingKeys {
  readonly publicJwk: string;
  readonly privateJwk: string;
}

/** Returns the function that seals one payment token. Throws CONFIG_INVALID if `publicJwk` (JSON text) is not a public key for it. */
export async function createSealer(publicJwk: string): Promise<(paymentMethod: string) => string> {
  const recipient = importKey(publicJwk);
  let current: MinuteKey | undefined;
  return (paymentMethod) => {
    if (current === undefined || current.isSpent) {
      const made = new MinuteKey(recipient);
      // By timer, so that the key is also erased when no other token follows.
      setTimeout(() => {
        made.forget();
        if (current === made) current = undefined;
      }, RENEW_AFTER_MS).unref();
      current = made;
    }
    return current.seal(paymentMethod);
  };
}

/** The content key of one ephemeral pair, and the counter of its used nonces. */
class MinuteKey {
  readonly #contentKey: Buffer;
  /** Protected header, base64url. Also the additional authenticated data. */
  readonly #header: string;
  #sealed = 0;

  constructor({ key, kid }: SealingKey) {
    const { epk, contentKey } = agreeWith(key);
    const header = {
      alg: ALGORITHM,
      enc: CONTENT_ENCRYPTION,
      typ: PURPOSE,
      ...(kid === undefined ? {} : { kid }),
      epk,
    };
    this.#contentKey = contentKey;
    this.#header = Buffer.from(JSON.stringify(header)).toString("base64url");
  }

  get isSpent(): boolean {
    return this.#sealed >= MAX_SEALED_WITH_ONE_KEY;
  }

  seal(paymentMethod: string): string {
    const nonce = Buffer.alloc(NONCE_BYTES);
    // A counter: two equal nonces would reveal both tokens, and random nonces only make that unlikely.
    nonce.writeUInt32BE(this.#sealed++, NONCE_BYTES - 4);
    const cipher = createCipheriv(CIPHER, this.#contentKey, nonce).setAAD(Buffer.from(this.#header));
    const sealed = Buffer.concat([cipher.update(paymentMethod, "utf8"), cipher.final()]);
    const parts = [nonce, sealed, cipher.getAuthTag()].map((part) => part.toString("base64url"));
    // The part between header and nonce is the encrypted key, which is empty with direct agreement.
    return [this.#header, "", ...parts].join(".");
  }

  forget(): void {
    this.#contentKey.fill(0);
  }
}

/**
 * Returns the function that opens sealed tokens. It throws SEAL_KEY_UNKNOWN if the token was sealed with a key that is not here but
 * may be in another process, and SEAL_INVALID for any other fault. `privateKeys` is the JSON text of a JWK, or of a JWK set (RFC
 * 7517) during a key rotation. Throws CONFIG_INVALID if it is neither.
 */
export async function createOpener(privateKeys: string): Promise<(sealed: string) => Promise<string>> {
  const keys = importKeys(privateKeys);
  const remembered = new RecentlyUsed<string, Opening>(MAX_REMEMBERED_HEADERS);
  return async (sealed) => {
    const header = sealed.slice(0, Math.max(0, sealed.indexOf(".")));
    const known = remembered.get(header);
    const opening = known ?? openingOf(header, keys);
    const text = opened(sealed, opening);
    // Only after a success, so that an attacker cannot fill the cache with headers.
    if (known === undefined) remembered.set(header, opening);
    return text;
  };
}

/** Data from a header, which is the same for all tokens of a gateway's minute. */
interface Opening {
  readonly kid: string | undefined;
  /** Whether the key that the header names is here. */
  readonly isNamed: boolean;
  readonly isOurPurpose: boolean;
  /** One per private key that may fit. More than one only if the header or the keys have no id. */
  readonly contentKeys: readonly Buffer[];
}

interface Header extends Parties {
  readonly alg?: unknown;
  readonly enc?: unknown;
  readonly typ?: unknown;
  readonly kid?: string;
  readonly zip?: unknown;
  readonly crit?: unknown;
  readonly epk: EphemeralKey;
}

function openingOf(encoded: string, keys: readonly SealingKey[]): Opening {
  const header = headerOf(encoded);
  const { kid, typ } = header;
  const named = keys.filter((key) => key.kid === kid);
  // A key pair from another tool may have no id, and neither do the tokens sealed with it.
  const fitting = named.length > 0 ? named : keys.filter((key) => key.kid === undefined || kid === undefined);
  const opening = { kid, isNamed: named.length > 0 && kid !== undefined, isOurPurpose: typ === PURPOSE };
  try {
    if (
      header.alg !== ALGORITHM ||
      header.enc !== CONTENT_ENCRYPTION ||
      header.zip !== undefined ||
      header.crit !== undefined
    )
      throw new Error("its header has parameters that no sealer uses");
    return { ...opening, contentKeys: fitting.map(({ key }) => contentKeyOf(key, header.epk, header)) };
  } catch (cause) {
    throw unopened(opening, cause);
  }
}

function opened(sealed: string, opening: Opening): string {
  const [header = "", encryptedKey, ...rest] = sealed.split(".");
  const [nonce, content, tag] = rest.map((part) => Buffer.from(part, "base64url"));
  let refusal: unknown;
  for (const contentKey of opening.contentKeys) {
    try {
      if (encryptedKey !== "" || rest.length !== 3 || !nonce || !content || !tag)
        throw new Error("its parts are not those of a JWE");
      if (nonce.length !== NONCE_BYTES || tag.length !== TAG_BYTES)
        throw new Error("its nonce or its tag has the wrong length");
      const decipher = createDecipheriv(CIPHER, contentKey, nonce)
        .setAAD(Buffer.from(header))
        .setAuthTag(tag);
      const text = Buffer.concat([decipher.update(content), decipher.final()]).toString("utf8");
      if (opening.isOurPurpose) return text;
      throw new AppError("SEAL_INVALID", "the sealed content is not a payment token");
    } catch (error) {
      if (error instanceof AppError) throw error;
      refusal = error;
    }
  }
  throw unopened(opening, refusal);
}

function unopened({ kid, isNamed }: Pick<Opening, "kid" | "isNamed">, refusal: unknown): AppError {
  const cause = { cause: refusal };
  if (isNamed)
    return new AppError("SEAL_INVALID", "the payment token was changed after it was sealed", cause);
  const name = kid === undefined ? "without an id" : JSON.stringify(kid);
  return new AppError(
    "SEAL_KEY_UNKNOWN",
    `the payment token was sealed with a key that is not configured here (${name})`,
    cause,
  );
}

/** The ids of the keys in a JWK or a JWK set, for people. `-` for a key without an id. */
export function keyIds(text: string): readonly string[] {
  return jwksOf(text).map(({ kid }) => kid ?? "-");
}

/** A new private key and the older ones to keep, newest first, as JSON text for `createOpener`. */
export function withOlderKeys(newest: string, older: string): string {
  return JSON.stringify({ keys: [...jwksOf(newest), ...jwksOf(older)] });
}

/** Throws SEAL_INVALID if the text is not the header of a JWE. */
function headerOf(encoded: string): Header {
  try {
    const header: Header | null = JSON.parse(Buffer.from(encoded, "base64url").toString("utf8"));
    if (typeof header !== "object" || header === null || Array.isArray(header))
      throw new Error("its header is not an object");
    return header;
  } catch (cause) {
    throw new AppError("SEAL_INVALID", "the payment token was not sealed", { cause });
  }
}

/** A new pair as JSON texts. The key id tells pairs apart during a key rotation. */
export async function generateSealingKeys(): Promise<SealingKeys> {
  const pair = await generateKeyPair(ALGORITHM, { crv: CURVE, extractable: true });
  const shared = { alg: ALGORITHM, use: "enc", kid: crypto.randomUUID() };
  const text = async (key: CryptoKey) => JSON.stringify({ ...(await exportJWK(key)), ...shared });
  return { publicJwk: await text(pair.publicKey), privateJwk: await text(pair.privateKey) };
}
