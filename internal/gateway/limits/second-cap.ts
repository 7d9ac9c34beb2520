// A cap on what one process accepts in a second, so that a flood is refused while answers are still quick. Called by hooks.ts.

export class SecondCap {
  readonly #limit: number;
  /** A monotonic clock in milliseconds. */
  readonly #monotonic: () => number;
  #second = -1;
  #count = 0;

  /** 0: no cap. */
  constructor(limit: number, monotonic: () => number) {
    this.#limit = limit;
    this.#monotonic = monotonic;
  }

  /** False if the cap of this second is reached. */
  take(): boolean {
    if (this.#limit === 0) return true;
    const second = Math.floor(this.#monotonic() / 1_000);
    if (second !== this.#second) {
      this.#second = second;
      this.#count = 0;
    }
    this.#count += 1;
    return this.#count <= this.#limit;
  }
}
