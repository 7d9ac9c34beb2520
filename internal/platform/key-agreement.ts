// ECDH-ES with X25519 in direct mode (RFC 7518, 4.6; RFC 8037, 3.2): derives the content key of a JWE from one side's private key
// and the other side's public key. Called by seal.ts, which explains why jose is not used.
import { createHash, createPublicKey, diffieHellman, generateKeyPairSync, type KeyObject } from "node:crypto";

export const ALGORITHM = "ECDH-ES";
export const CURVE = "X25519";
export const CONTENT_ENCRYPTION = "A256GCM";
const KEY_BITS = 256;

/** The public key of an ephemeral pair, as in a JWE's header. */
export interface EphemeralKey {
  readonly kty: string;
  readonly crv: string;
  readonly x: string;
}

/** Optional header fields about the two parties, base64url. Ours are empty. */
export interface Parties {
  readonly apu?: string;
  readonly apv?: string;
}

/** A content key that the holder of the private key for `publicKey` can derive from `epk`. The ephemeral private key is discarded. */
export function agreeWith(publicKey: KeyObject): { readonly epk: EphemeralKey; readonly contentKey: Buffer } {
  const pair = generateKeyPairSync("x25519");
  const { x = "" } = pair.publicKey.export({ format: "jwk" });
  const secret = diffieHellman({ privateKey: pair.privateKey, publicKey });
  return { epk: { kty: "OKP", crv: CURVE, x }, contentKey: concatKdf(secret, {}) };
}

/** The content key of a JWE for `privateKey`. Throws if `epk` is not an X25519 key, or gives no shared secret. */
export function contentKeyOf(privateKey: KeyObject, { kty, crv, x }: EphemeralKey, parties: Parties): Buffer {
  if (kty !== "OKP" || crv !== CURVE) throw new Error("the ephemeral key is not an X25519 key");
  const publicKey = createPublicKey({ key: { kty, crv, x }, format: "jwk" });
  return concatKdf(diffieHellman({ privateKey, publicKey }), parties);
}

/** NIST SP 800-56A, 5.8.1, with SHA-256. One round gives enough bits. */
function concatKdf(secret: Buffer, { apu = "", apv = "" }: Parties): Buffer {
  return createHash("sha256")
    .update(uint32(1))
    .update(secret)
    .update(withLength(Buffer.from(CONTENT_ENCRYPTION)))
    .update(withLength(Buffer.from(apu, "base64url")))
    .update(withLength(Buffer.from(apv, "base64url")))
    .update(uint32(KEY_BITS))
    .digest();
}

function withLength(bytes: Buffer): Buffer {
  return Buffer.concat([uint32(bytes.length), bytes]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
