// Knows which requests the Stripe SDK has sent twice. It resends a POST once by itself when the connection is closed under it, even
// with `maxNetworkRetries: 0`, and the first one may have got through. An answer such as "too many requests" is then true of
// the second one only. Put under the SDK by stripe.ts.

export class Resends {
  /** Idempotency keys of requests under way whose connection was closed. */
  readonly #closed = new Set<string>();

  /** For the SDK's HTTP client. */
  readonly fetch: typeof fetch = Object.assign(
    async (...[input, init]: Parameters<typeof fetch>): Promise<Response> => {
      try {
        return await fetch(input, init);
      } catch (error) {
        const key = new Headers(init?.headers).get("idempotency-key");
        if (key !== null) this.#closed.add(key);
        throw error;
      }
    },
    { preconnect: fetch.preconnect },
  );

  /** Whether a connection was closed under a request with this key. Forgets it, so ask once, when the call is over. */
  take(idempotencyKey: string): boolean {
    return this.#closed.delete(idempotencyKey);
  }
}
