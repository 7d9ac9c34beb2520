// Answers that are the same for everybody: bytes with their ETag. A client that has it already gets 304. Used by routes/products.ts
// and routes/meta.ts.
import { STATUS_NOT_MODIFIED } from "./problem.ts";

export interface Cacheable {
  /** JSON in UTF-8: encoded once, not for each answer. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** A quoted strong validator. */
  readonly etag: string;
}

export function cacheable(body: unknown): Cacheable {
  const text = JSON.stringify(body);
  return { bytes: new TextEncoder().encode(text), etag: `"${Bun.hash(text).toString(36)}"` };
}

export function answerCacheable(
  { headers }: Request,
  { bytes, etag }: Cacheable,
  maxAgeSeconds: number,
): Response {
  const validators = { etag, "cache-control": `public, max-age=${maxAgeSeconds}` };
  if (isHeld(headers.get("if-none-match"), etag))
    return new Response(null, { status: STATUS_NOT_MODIFIED, headers: validators });
  return new Response(bytes, { headers: { ...validators, "content-type": "application/json" } });
}

/** RFC 9110, 13.1.2: weak comparison with each entity tag of the list. */
function isHeld(ifNoneMatch: string | null, etag: string): boolean {
  if (ifNoneMatch === null) return false;
  return ifNoneMatch.split(",").some((tag) => {
    const given = tag.trim();
    return given === "*" || given.replace(/^W\//, "") === etag;
  });
}
