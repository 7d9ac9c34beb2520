// Turns a token's subject into a user id, a UUID. Identity providers use many formats (numbers, `auth0|...`, addresses); the
// services store UUIDs. Called by auth.ts.
import { ProblemError } from "./problem.ts";

/** OpenID Connect Core, section 2: `sub` must not exceed 255 characters. */
const MAX_SUBJECT_LENGTH = 255;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/**
 * A UUID subject becomes lower case. Any other subject becomes its UUIDv5 (RFC 9562, 5.5) in the namespace of the token's issuer,
 * which is the issuer's UUIDv5 in the URL namespace: two issuers may both have a `42`. Throws the problem `unauthenticated`.
 */
export function userIdOf({ sub, iss }: { readonly sub?: unknown; readonly iss?: unknown }): string {
  if (typeof sub !== "string" || sub.trim() === "") return refuse("the token's sub is not text, or is blank");
  if (sub.length > MAX_SUBJECT_LENGTH)
    return refuse(`the token's sub has more than ${MAX_SUBJECT_LENGTH} characters`);
  // All lone surrogates hash to the same bytes, so two users would become one.
  if (!sub.isWellFormed()) return refuse("the token's sub is not valid Unicode");
  if (UUID.test(sub)) return sub.toLowerCase();
  const issuer = Bun.randomUUIDv5(typeof iss === "string" ? iss : "", "url");
  return Bun.randomUUIDv5(sub, issuer);
}

function refuse(detail: string): never {
  throw new ProblemError("unauthenticated", { detail });
}
