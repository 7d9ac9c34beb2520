// How many sagas are under way, looked at now and then by the orchestrators' own counters: counting rows would be load. Holds
// arrivals back at saturation, and tells when everything has finished.
import type { System } from "./system.ts";

const POLL_MS = 200;

export class OpenSagas implements Disposable {
  readonly #system: System;
  readonly #limit: number;
  #timer: ReturnType<typeof setInterval> | undefined;
  #count = 0;
  /** Looks that brought an answer. */
  #looks = 0;

  /** Without a limit nobody is asked before `untilEmpty`. */
  constructor(system: System, limit = Number.POSITIVE_INFINITY) {
    this.#system = system;
    this.#limit = limit;
    if (Number.isFinite(limit)) this.#poll();
  }

  get isFull(): boolean {
    return this.#count >= this.#limit;
  }

  /** Resolves when none is under way, or when it has taken too long. */
  async untilEmpty(limitMs: number): Promise<void> {
    const deadline = Date.now() + limitMs;
    // An answer from before says nothing of what was placed since: the second from now was asked for after now.
    const fresh = this.#looks + 2;
    this.#poll();
    while ((this.#looks < fresh || this.#count > 0) && Date.now() < deadline) await Bun.sleep(POLL_MS / 2);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #poll(): void {
    clearInterval(this.#timer);
    this.#timer = setInterval(() => void this.#look(), POLL_MS);
  }

  async #look(): Promise<void> {
    try {
      this.#count = await this.#system.openSagas();
      this.#looks += 1;
    } catch {
      // An orchestrator that does not answer just now has as many under way as before.
    }
  }
}
