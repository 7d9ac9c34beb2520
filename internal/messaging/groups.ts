// Collects single items into groups, so that many share one transaction. A group is what arrives during the linger time, or while
// other groups are served, whichever is longer. Called by orchestrator/intake.ts and key-lookup.ts, and by the payment service
// (executor.ts, webhook-intake.ts).
import { type Load, LoadMeter } from "./linger.ts";

export interface GroupsOptions<Item> {
  readonly maxGroup: number;
  /** Groups served at the same time. Items that arrive meanwhile form the next group. */
  readonly maxInFlight: number;
  /** How long the first item of a group waits for others, in milliseconds. */
  readonly lingerMs: (load: Load) => number;
  /** Settles every item of the group, and never rejects. */
  readonly serve: (group: readonly Item[]) => Promise<void>;
}

export class Groups<Item> implements AsyncDisposable {
  readonly #options: GroupsOptions<Item>;
  #waiting: Item[] = [];
  /** When the first of them came; by the monotonic clock, in milliseconds. */
  #waitingSinceMs = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #inFlight = new Set<Promise<void>>();
  #isClosed = false;
  readonly #meter = new LoadMeter();

  constructor(options: GroupsOptions<Item>) {
    this.#options = options;
  }

  /** True when no more items may be added. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** The number of items that are in no group yet. */
  get waiting(): number {
    return this.#waiting.length;
  }

  add(item: Item): void {
    if (this.#waiting.length === 0) this.#waitingSinceMs = performance.now();
    this.#waiting.push(item);
    this.#schedule();
  }

  /** Serves the waiting items, then closes. Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    while (this.#waiting.length > 0 || this.#inFlight.size > 0) {
      this.#flush();
      await Promise.race(this.#inFlight);
    }
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#waiting.length === 0 || this.#isClosed) return;
    if (this.#inFlight.size >= this.#options.maxInFlight) return;
    const waitedMs = performance.now() - this.#waitingSinceMs;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#flush();
      },
      Math.max(0, this.#options.lingerMs(this.#meter.load) - waitedMs),
    );
  }

  #flush(): void {
    const { maxGroup, maxInFlight, serve } = this.#options;
    while (this.#waiting.length > 0 && this.#inFlight.size < maxInFlight) {
      const group = this.#waiting.splice(0, maxGroup);
      const begunMs = performance.now();
      const flight = serve(group).finally(() => {
        this.#inFlight.delete(flight);
        this.#meter.saw(group.length, performance.now() - begunMs);
        this.#schedule();
      });
      this.#inFlight.add(flight);
    }
  }
}
