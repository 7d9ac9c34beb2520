// Sends the Stripe SDK's requests, and knows which were sent twice. If the connection of a request closes, the SDK sends it again once,
// even with `maxNetworkRetries: 0`, and starts its timeout anew: a call could take twice as long as its timeout, and longer than the lease
// of the attempt. So the second request is sent here, under the timeout of the first. The first may have got through: a result such as
// "too many requests" is then true only for the second. stripe.ts gives it to the SDK.

/** As the SDK: a connection that was idle for long is often closed at the other end, and the request has not got through. */
const CLOSED: ReadonlySet<unknown> = new Set(["ECONNRESET", "EPIPE"]);

export class Resends {
  /** Idempotency keys of requests in flight whose connection was closed. */
  readonly #closed = new Set<string>();

  /** For the SDK's HTTP client. */
  readonly fetch: typeof fetch = Object.assign(
    async (...[input, init]: Parameters<typeof fetch>): Promise<Response> => {
      try {
        return await fetch(input, init);
      } catch (error) {
        const key = new Headers(init?.headers).get("idempotency-key");
        if (key !== null) this.#closed.add(key);
        if (!isClosed(error)) throw error;
        return fetchLast(input, init);
      }
    },
    { preconnect: fetch.preconnect },
  );

  /** Whether a connection was closed during a request with this key. Forgets it, so call this once, after the request. */
  take(idempotencyKey: string): boolean {
    return this.#closed.delete(idempotencyKey);
  }
}

/** Without the code of a closed connection in its error, which would make the SDK send the request once more. */
async function fetchLast(...[input, init]: Parameters<typeof fetch>): Promise<Response> {
  try {
    return await fetch(input, init);
  } catch (error) {
    throw isClosed(error) ? new Error("the connection was closed twice", { cause: error }) : error;
  }
}

function isClosed(error: unknown): boolean {
  return error instanceof Error && "code" in error && CLOSED.has(error.code);
}
