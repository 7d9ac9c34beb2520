// Revoked sessions: what one entry of the list says, and its text in Redis. `checkoutctl session revoke` writes the list, every
// gateway reads it.

/** Longer than any accepted token is valid (limit of JWT_MAX_LIFETIME_SECONDS), so an entry outlives every token it revokes. */
export const REVOCATION_SECONDS = 31 * 86_400;
export const LONGEST_TOKEN_SECONDS = 30 * 86_400;
/** Entries in the list. To revoke more users at once, replace the issuer's keys. */
export const MAX_REVOCATIONS = 100_000;
/** Ids of sessions and tokens; issuers use UUIDs or random text. */
export const MAX_REVOKED_ID_LENGTH = 255;

export type Revocation =
  /** All tokens with this `sid`, or the token with this `jti`. */
  | { readonly kind: "session" | "token"; readonly id: string; readonly expiresAt: number }
  /** All tokens of a user that were issued (`iat`) before `issuedBefore`, or that do not say when. Times are epoch seconds. */
  | {
      readonly kind: "user";
      readonly id: string;
      readonly issuedBefore: number;
      readonly expiresAt: number;
    };

/** `user:ID:SECONDS`, `session:ID` or `token:ID`. */
export function textOfRevocation(revocation: Revocation): string {
  const text = `${revocation.kind}:${revocation.id}`;
  return revocation.kind === "user" ? `${text}:${revocation.issuedBefore}` : text;
}

/** Null if the text is no entry of this version. */
export function revocationOf(text: string, expiresAt: number): Revocation | null {
  const [, kind, id = ""] = /^(session|token):(.+)$/s.exec(text) ?? [];
  if (kind === "session" || kind === "token") return { kind, id, expiresAt };
  const [, user = "", seconds = ""] = /^user:([0-9a-f-]{36}):(\d{1,12})$/.exec(text) ?? [];
  return user === "" ? null : { kind: "user", id: user, issuedBefore: Number(seconds), expiresAt };
}

/** The list in Redis. Every method throws REDIS_UNAVAILABLE if Redis does not answer. */
export interface RevocationList {
  /** The whole list with its version, or null if its version is still `known`. */
  read(known: string | undefined): Promise<RevocationsRead | null>;
  add(revocations: readonly Revocation[]): Promise<void>;
}

export interface RevocationsRead {
  readonly version: string;
  readonly revocations: readonly Revocation[];
  /** Entries that are not in `revocations`: beyond the limit, or of another version. */
  readonly unread: number;
}
