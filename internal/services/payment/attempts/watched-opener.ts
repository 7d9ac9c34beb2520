// Watches the opener of payment tokens. A token that cannot be opened is our fault: a gateway seals to a key that is not here, or
// something between the two changes the token. Sits between cmd/payment's opener and the executor.
import { AppError } from "../../../kernel/errors.ts";
import type { Clock } from "../../../kernel/ports.ts";
import type { Meter } from "../../../kernel/telemetry.ts";
import type { OpenToken } from "./provider-call.ts";

/** The role is not ready for this long after the last token that could not be opened, in milliseconds. */
const REMEMBERED_MS = 60_000;

export interface WatchedOpenerOptions {
  readonly open: OpenToken;
  readonly clock: Clock;
  /** Register once per process. */
  readonly meter: Meter;
  /** Called for each token that cannot be opened. */
  readonly onUnopened: (error: AppError) => void;
}

export class WatchedOpener {
  readonly #options: WatchedOpenerOptions;
  readonly #unopened: ReturnType<Meter["counter"]>;
  #lastAt = -Infinity;
  #lastError: AppError | undefined;

  constructor(options: WatchedOpenerOptions) {
    this.#options = options;
    this.#unopened = options.meter.counter(
      "payment_tokens_unopened_total",
      "Payment tokens that could not be opened; each try counts",
      ["reason"],
    );
    // So that alert rules see the counters from the first scrape on.
    for (const reason of ["unknown_key", "invalid"]) this.#unopened.inc({ reason }, 0);
  }

  readonly open: OpenToken = async (sealed) => {
    try {
      return await this.#options.open(sealed);
    } catch (error) {
      if (error instanceof AppError && (error.code === "SEAL_KEY_UNKNOWN" || error.code === "SEAL_INVALID"))
        this.#logFailure(error);
      throw error;
    }
  };

  /** For /readyz: for a minute, throws the error of the last token that could not be opened. */
  async ready(): Promise<void> {
    const ageMs = this.#options.clock.now() - this.#lastAt;
    if (this.#lastError !== undefined && ageMs >= 0 && ageMs < REMEMBERED_MS) throw this.#lastError;
  }

  #logFailure(error: AppError): void {
    this.#lastAt = this.#options.clock.now();
    this.#lastError = error;
    this.#unopened.inc({ reason: error.code === "SEAL_KEY_UNKNOWN" ? "unknown_key" : "invalid" });
    this.#options.onUnopened(error);
  }
}

/** A text for operators; the ids of the keys are not secret. */
export function unopenedWords(ids: readonly string[]): string {
  return (
    `a payment token cannot be opened with the keys here (${ids.join(", ")}); payments with an unknown key wait: ` +
    "add the gateways' key to PAYMENT_PRIVATE_JWK"
  );
}
