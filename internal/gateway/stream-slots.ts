// How many calls are held open for a shopper and for all: event streams of the API and of the shop's pages together, and the pages'
// long polls. A slot is taken before the answer begins, so that a refusal has a status of its own. Used by event-streams.ts and
// shop-data.ts; emptied by cmd/gateway before the API stops, because the API waits for open calls.
import { ProblemError } from "./problem.ts";

const MAX_STREAMS_PER_USER = 4;

export interface StreamSlotsOptions {
  /** Of all users together. */
  readonly total: number;
  readonly metrics?: { readonly refused: (reason: "user" | "gateway") => void };
}

export class StreamSlots implements Disposable {
  readonly #options: StreamSlotsOptions;
  readonly #perUser = new Map<string, number>();
  readonly #open = new Set<AbortController>();
  #isClosed = false;

  constructor(options: StreamSlotsOptions) {
    this.#options = options;
  }

  /** Slots that are taken. */
  get size(): number {
    return this.#open.size;
  }

  /**
   * Takes a slot until `signal` aborts. The result's abort gives it back; its signal ends what holds it. Throws the problems
   * `too-many-streams` and `streams-full`.
   */
  take(userId: string, signal: AbortSignal): AbortController {
    const { total, metrics } = this.#options;
    const ofUser = this.#perUser.get(userId) ?? 0;
    if (ofUser >= MAX_STREAMS_PER_USER) {
      metrics?.refused("user");
      throw new ProblemError("too-many-streams");
    }
    if (this.#isClosed || this.#open.size >= total) {
      metrics?.refused("gateway");
      throw new ProblemError("streams-full");
    }
    const slot = new AbortController();
    this.#open.add(slot);
    this.#perUser.set(userId, ofUser + 1);
    const leave = () => slot.abort();
    signal.addEventListener("abort", leave, { once: true });
    slot.signal.addEventListener(
      "abort",
      () => {
        signal.removeEventListener("abort", leave);
        this.#open.delete(slot);
        this.#leave(userId);
      },
      { once: true },
    );
    if (signal.aborted) slot.abort();
    return slot;
  }

  /** Ends what holds a slot; clients connect again. There are no more slots. */
  [Symbol.dispose](): void {
    this.#isClosed = true;
    for (const slot of this.#open) slot.abort();
  }

  #leave(userId: string): void {
    const left = (this.#perUser.get(userId) ?? 1) - 1;
    if (left === 0) this.#perUser.delete(userId);
    else this.#perUser.set(userId, left);
  }
}
