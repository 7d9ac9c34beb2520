// Cross-origin calls from browsers: only origins on the list may read answers. Without a list there are none. Credentials (cookies)
// are never allowed: the API takes a bearer token, which no browser sends by itself. Called by app.ts.

const ALLOWED_HEADERS =
  "authorization, content-type, idempotency-key, if-none-match, last-event-id, traceparent";
/** What a script may read besides the body. */
const EXPOSED_HEADERS =
  "allow, etag, idempotent-replayed, location, ratelimit, ratelimit-policy, retry-after, www-authenticate";
/** Browsers ask again after this. */
const PREFLIGHT_SECONDS = "600";

export class Cors {
  readonly #origins: ReadonlySet<string>;

  /** Origins as browsers send them: `https://shop.example`. */
  constructor(origins: readonly string[]) {
    this.#origins = new Set(origins);
  }

  /** The headers for the answer to this request. */
  headersFor({ headers }: Request): Readonly<Record<string, string>> {
    if (this.#origins.size === 0) return {};
    const origin = headers.get("origin");
    const vary = { vary: "Origin" };
    if (origin === null || !this.#origins.has(origin)) return vary;
    return {
      ...vary,
      "access-control-allow-origin": origin,
      "access-control-expose-headers": EXPOSED_HEADERS,
    };
  }

  /** The headers of a preflight's answer, or null if the request is none from a listed origin. `methods`: of the path. */
  preflight(request: Request, methods: string): Readonly<Record<string, string>> | null {
    const { method, headers } = request;
    const origin = headers.get("origin");
    const isPreflight = method === "OPTIONS" && headers.has("access-control-request-method");
    if (!isPreflight || origin === null || !this.#origins.has(origin)) return null;
    return {
      vary: "Origin",
      "access-control-allow-origin": origin,
      "access-control-allow-methods": methods,
      "access-control-allow-headers": ALLOWED_HEADERS,
      "access-control-max-age": PREFLIGHT_SECONDS,
    };
  }
}
