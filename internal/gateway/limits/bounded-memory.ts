// Counts the requests of each client in this process, while Redis is away. An attacker may have more addresses than a gateway has memory,
// so it remembers a bounded number of clients. At the bound it forgets the one that was not seen for the longest time, which begins a new
// count: who sends much stays counted, and RATE_LIMIT_TOTAL caps all together. Used by rate-limits.ts.
import { RateLimiterMemory, type RateLimiterRes } from "rate-limiter-flexible";
import { RecentlyUsed } from "../../kernel/recently-used.ts";

/** About 400 bytes each, with the library's timer. */
const MAX_CLIENTS = 50_000;

export class BoundedMemory extends RateLimiterMemory {
  readonly #clients: RecentlyUsed<string, true>;

  constructor(
    options: ConstructorParameters<typeof RateLimiterMemory>[0],
    { maxClients = MAX_CLIENTS }: { readonly maxClients?: number } = {},
  ) {
    super(options);
    this.#clients = new RecentlyUsed(maxClients);
  }

  override consume(key: string | number, ...rest: ConsumeRest): Promise<RateLimiterRes> {
    const client = String(key);
    const forgotten = this.#clients.set(client, true);
    // It only changes a map, at once.
    if (forgotten !== undefined) void super.delete(forgotten);
    return super.consume(client, ...rest);
  }
}

type ConsumeRest = Parameters<RateLimiterMemory["consume"]> extends [unknown, ...infer Rest] ? Rest : never;
