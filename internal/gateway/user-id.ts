// Whose checkout it is, as a UUID, out of a token's subject. Identity providers name people in many ways (numbers, `auth0|...`,
// addresses); the services keep UUIDs. Called by auth.ts.
import { ProblemError } from "./problem.ts";

/** OpenID Connect Core, section 2: `sub` must not exceed 255 characters. */
const MAX_SUBJECT_LENGTH = 255;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/**
 * A subject that is a UUID in lower case; any other as the UUIDv5 (RFC 9562, 5.5) of it, in the namespace that is the UUIDv5 of
 * the token's issuer among URLs, so that two issuers may both have a `42`. Throws the problem `unauthenticated`.
 */
export function userIdOf({ sub, iss }: { readonly sub?: unknown; readonly iss?: unknown }): string {
  if (typeof sub !== "string" || sub.trim() === "") return refuse("the token's sub is no text, or blank");
  if (sub.length > MAX_SUBJECT_LENGTH)
    return refuse(`the token's sub has more than ${MAX_SUBJECT_LENGTH} characters`);
  // Half characters become one and the same byte sequence when they are hashed: two people would be one.
  if (!sub.isWellFormed()) return refuse("the token's sub is no Unicode text");
  if (UUID.test(sub)) return sub.toLowerCase();
  const issuer = Bun.randomUUIDv5(typeof iss === "string" ? iss : "", "url");
  return Bun.randomUUIDv5(sub, issuer);
}

function refuse(detail: string): never {
  throw new ProblemError("unauthenticated", { detail });
}
