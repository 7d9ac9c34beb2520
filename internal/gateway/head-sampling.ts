// Decides which requests are traced, once, where their trace begins; everything that follows from a request inherits the decision. A
// caller that records its own trace is followed, but only up to a rate: anybody may send the header, and a recorded trace costs. Used by
// request-traces.ts.
import { parseTraceparent } from "../kernel/telemetry.ts";

export interface HeadSamplingOptions {
  /** Of the requests whose caller does not decide: 0.01 is one in a hundred. */
  readonly ratio: number;
  /** Traces per second that callers may ask for. */
  readonly askedPerSecond: number;
  /** In [0, 1). */
  readonly random: () => number;
  /** Milliseconds. */
  readonly monotonic: () => number;
}

/** `parent`: the trace continues the caller's. */
export type Beginning =
  | { readonly kind: "unrecorded" }
  | { readonly kind: "root" }
  | { readonly kind: "child"; readonly parent: string };

const UNRECORDED: Beginning = { kind: "unrecorded" };
const ROOT: Beginning = { kind: "root" };

export class HeadSampling {
  readonly #options: HeadSamplingOptions;
  /** A bucket that holds one second's worth. */
  #tokens: number;
  #filledAt: number;

  constructor(options: HeadSamplingOptions) {
    this.#options = options;
    this.#tokens = options.askedPerSecond;
    this.#filledAt = options.monotonic();
  }

  /** `caller`: the `traceparent` header. An invalid one is ignored, as the standard demands. */
  decide(caller: string | null): Beginning {
    const context = parseTraceparent(caller);
    if (caller === null || context === undefined) return this.#isChosen() ? ROOT : UNRECORDED;
    if (!context.isSampled) return UNRECORDED;
    return this.#take() || this.#isChosen() ? { kind: "child", parent: caller } : UNRECORDED;
  }

  #isChosen(): boolean {
    const { ratio, random } = this.#options;
    return ratio > 0 && random() < ratio;
  }

  #take(): boolean {
    const { askedPerSecond, monotonic } = this.#options;
    const now = monotonic();
    this.#tokens = Math.min(askedPerSecond, this.#tokens + ((now - this.#filledAt) / 1_000) * askedPerSecond);
    this.#filledAt = now;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
