// Knows which requests the Stripe SDK has sent twice. If the connection closes during a POST, the SDK resends it once, even with
// `maxNetworkRetries: 0`, and the first request may have got through. A result such as "too many requests" is then true only for the
// second. stripe.ts gives it to the SDK.

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
        throw error;
      }
    },
    { preconnect: fetch.preconnect },
  );

  /** Whether a connection was closed during a request with this key. Forgets it, so call this once, after the request. */
  take(idempotencyKey: string): boolean {
    return this.#closed.delete(idempotencyKey);
  }
}
