// Mints a shopper's token for development and load runs. In production the identity provider mints it with the same secret;
// the gateway accepts only HS256.
import { timestampOf } from "../kernel/timestamp.ts";
import { SignJWT } from "jose";

export interface DevelopmentToken {
  readonly token: string;
  readonly user_id: string;
  /** RFC 3339. */
  readonly expires_at: string;
}

/** `nowMs` is epoch ms; `secret` is the gateway's JWT_HS256_SECRET. */
export async function mintToken(
  userId: string,
  secret: string,
  ttlSeconds: number,
  nowMs: number,
): Promise<DevelopmentToken> {
  const issuedAt = Math.floor(nowMs / 1_000);
  const token = await new SignJWT({})
    .setProtectedHeader({ alg: "HS256", typ: "JWT" })
    .setSubject(userId)
    .setIssuedAt(issuedAt)
    .setExpirationTime(issuedAt + ttlSeconds)
    .sign(new TextEncoder().encode(secret));
  return { token, user_id: userId, expires_at: timestampOf((issuedAt + ttlSeconds) * 1_000) };
}
