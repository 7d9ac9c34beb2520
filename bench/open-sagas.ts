// Polls the number of open sagas from the orchestrators' counters, because counting rows would be load. Pauses arrivals at saturation,
// and detects when everything has finished.
import type { System } from "./system.ts";

const POLL_MS = 200;

export class OpenSagas implements Disposable {
  readonly #system: System;
  readonly #limit: number;
  #timer: ReturnType<typeof setInterval> | undefined;
  #count = 0;
  /** Number of successful polls. */
  #looks = 0;

  /** Without a limit, polling starts at `untilEmpty`. */
  constructor(system: System, limit = Number.POSITIVE_INFINITY) {
    this.#system = system;
    this.#limit = limit;
    if (Number.isFinite(limit)) this.#poll();
  }

  get isFull(): boolean {
    return this.#count >= this.#limit;
  }

  /** Resolves when no saga is open, or after `limitMs`. */
  async untilEmpty(limitMs: number): Promise<void> {
    const deadline = Date.now() + limitMs;
    // The next answer may be from before now, so wait for the second one.
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
      // If an orchestrator does not answer, keep the last count.
    }
  }
}
