// Counts the requests of each client in this process, while Redis is away. An attacker may have more addresses than a gateway has memory,
// so it remembers a bounded number of clients. At the bound it forgets the one that was not seen for the longest time, which begins a new
// count: who sends much stays counted, and RATE_LIMIT_TOTAL caps all together. Used by rate-limits.ts.
import { RateLimiterMemory, type RateLimiterRes } from "rate-limiter-flexible";

/** About 400 bytes each, with the library's timer. */
const MAX_CLIENTS = 50_000;

export class BoundedMemory extends RateLimiterMemory {
  readonly #maxClients: number;
  /** In order of use. */
  readonly #clients = new Set<string>();

  constructor(
    options: ConstructorParameters<typeof RateLimiterMemory>[0],
    { maxClients = MAX_CLIENTS }: { readonly maxClients?: number } = {},
  ) {
    super(options);
    this.#maxClients = maxClients;
  }

  override consume(key: string | number, ...rest: ConsumeRest): Promise<RateLimiterRes> {
    const client = String(key);
    this.#clients.delete(client);
    this.#clients.add(client);
    if (this.#clients.size > this.#maxClients) this.#forgetOldest();
    return super.consume(client, ...rest);
  }

  #forgetOldest(): void {
    const [oldest] = this.#clients;
    if (oldest === undefined) return;
    this.#clients.delete(oldest);
    // It only changes a map, at once.
    void super.delete(oldest);
  }
}

type ConsumeRest = Parameters<RateLimiterMemory["consume"]> extends [unknown, ...infer Rest] ? Rest : never;
