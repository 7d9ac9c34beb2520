// Holds new charges back while the provider calls our requests malformed, or our key no good: that is our fault, and each shopper who is
// sent there meanwhile is turned away for it. Told by watched-provider.ts, asked by executor.ts before it claims. Times are of a
// clock that nobody sets, in milliseconds.

/** So many refusals in a row, with no charge that was taken or declined between them, are no accident of one cart. */
const REFUSALS_IN_A_ROW = 3;
/** Then one charge is tried after so long, and decides. */
const PROBE_AFTER_MS = 10_000;

export class ChargeHold {
  readonly #onChange: (isHeld: boolean) => void;
  #refusals = 0;
  #probedMs = 0;

  constructor(onChange: (isHeld: boolean) => void) {
    this.#onChange = onChange;
  }

  get isHeld(): boolean {
    return this.#refusals >= REFUSALS_IN_A_ROW;
  }

  /** How many payments may be charged now that the provider has nothing of. */
  newCharges(nowMs: number): number {
    if (!this.isHeld) return Infinity;
    return nowMs - this.#probedMs >= PROBE_AFTER_MS ? 1 : 0;
  }

  /** Such payments are on their way. */
  leave(nowMs: number): void {
    this.#probedMs = nowMs;
  }

  /** The provider refused the request of a charge. */
  refused(nowMs: number): void {
    this.#refusals += 1;
    if (this.#refusals !== REFUSALS_IN_A_ROW) return;
    this.#probedMs = nowMs;
    this.#onChange(true);
  }

  /** The provider understood the request of a charge, whatever the bank said. */
  understood(): void {
    const wasHeld = this.isHeld;
    this.#refusals = 0;
    if (wasHeld) this.#onChange(false);
  }
}
