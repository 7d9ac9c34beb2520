// ECDH-ES with X25519 in direct mode (RFC 7518, 4.6; RFC 8037, 3.2): from two halves of two key pairs to the key that encrypts
// the content of a JWE. Called by seal.ts, which says why it is not left to jose.
import { createHash, createPublicKey, diffieHellman, generateKeyPairSync, type KeyObject } from "node:crypto";

export const ALGORITHM = "ECDH-ES";
export const CURVE = "X25519";
export const CONTENT_ENCRYPTION = "A256GCM";
const KEY_BITS = 256;

/** The public half of an ephemeral pair, as a JWE's header carries it. */
export interface EphemeralKey {
  readonly kty: string;
  readonly crv: string;
  readonly x: string;
}

/** What the header may say of the two parties, base64url. Ours say nothing. */
export interface Parties {
  readonly apu?: string;
  readonly apv?: string;
}

/** A content key that whoever has the private half to `publicKey` derives from `epk` again. The ephemeral private key is let go. */
export function agreeWith(publicKey: KeyObject): { readonly epk: EphemeralKey; readonly contentKey: Buffer } {
  const pair = generateKeyPairSync("x25519");
  const { x = "" } = pair.publicKey.export({ format: "jwk" });
  const secret = diffieHellman({ privateKey: pair.privateKey, publicKey });
  return { epk: { kty: "OKP", crv: CURVE, x }, contentKey: concatKdf(secret, {}) };
}

/** The content key of a JWE to `privateKey`. Throws where `epk` is no X25519 key, or one with which there is no secret. */
export function contentKeyOf(privateKey: KeyObject, { kty, crv, x }: EphemeralKey, parties: Parties): Buffer {
  if (kty !== "OKP" || crv !== CURVE) throw new Error("the ephemeral key is of another kind");
  const publicKey = createPublicKey({ key: { kty, crv, x }, format: "jwk" });
  return concatKdf(diffieHellman({ privateKey, publicKey }), parties);
}

/** NIST SP 800-56A, 5.8.1, with SHA-256, which gives as many bits as are wanted in its first round. */
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
