// A faulty Redis: it loses keys and reports keys as present that were never set. Called by simulation.ts.
import type { KeyValue } from "../../kernel/ports.ts";
import { chanceOf } from "../../kernel/random.ts";

const LIE_RATE = 0.05;

export class ForgetfulRedis implements KeyValue {
  readonly #random: () => number;
  readonly #keys = new Set<string>();

  constructor(random: () => number) {
    this.#random = random;
  }

  present(keys: readonly string[]): Promise<readonly boolean[]> {
    return Promise.resolve(keys.map((key) => this.#keys.has(key) || chanceOf(this.#random, LIE_RATE)));
  }

  remember(keys: readonly string[]): Promise<void> {
    for (const key of keys) this.#keys.add(key);
    return Promise.resolve();
  }

  flush(): void {
    this.#keys.clear();
  }
}
