// Holds new charges back while the provider rejects our requests as malformed or our key as invalid. That is our fault, and every
// charge that is sent meanwhile would fail for it. watched-provider.ts reports to it; executor.ts checks it before each claim. Times are
// monotonic, in milliseconds.

/** This many refusals in a row, without a charge taken or declined in between, are not the fault of a single cart. */
const REFUSALS_IN_A_ROW = 3;
/** Then one charge is tried after this long, and its result decides. */
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

  /** How many new charges, unknown to the provider, may be sent now. */
  newCharges(nowMs: number): number {
    if (!this.isHeld) return Infinity;
    return nowMs - this.#probedMs >= PROBE_AFTER_MS ? 1 : 0;
  }

  /** New charges were sent. */
  leave(nowMs: number): void {
    this.#probedMs = nowMs;
  }

  /** The provider refused a charge request. */
  refused(nowMs: number): void {
    this.#refusals += 1;
    if (this.#refusals !== REFUSALS_IN_A_ROW) return;
    this.#probedMs = nowMs;
    this.#onChange(true);
  }

  /** The provider understood a charge request, whatever the bank said. */
  understood(): void {
    const wasHeld = this.isHeld;
    this.#refusals = 0;
    if (wasHeld) this.#onChange(false);
  }
}
