// The payment providers by name. The table has the provider's name with each payment; everything that depends on the provider is
// looked up here. A new provider is an adapter in its own folder and one entry. Filled in cmd/payment and checkoutctl.
import { AppError } from "../../../kernel/errors.ts";
import type { PaymentPolicy } from "../attempts/attempts.ts";
import type { ChargeHold } from "./charge-hold.ts";
import type { ProviderLedger } from "./ledger.ts";
import type { Pace } from "./pace.ts";
import type { PaymentProvider } from "./provider.ts";
import type { WebhookReader } from "./webhook-reader.ts";

/** The part of a provider that is enough for lookups. */
export interface KnownProvider {
  readonly provider: PaymentProvider;
  readonly ledger: ProviderLedger;
  /** How late an entry may appear in the ledger's lists, in milliseconds. */
  readonly ledgerLagMs: number;
}

/** Everything that the payment service needs of a provider. */
export interface ServedProvider extends KnownProvider {
  readonly webhooks: WebhookReader;
  /** How many calls the provider takes. */
  readonly pace: Pace;
  /** Whether new charges wait because the provider rejects our requests. */
  readonly hold: ChargeHold;
  /** Maximum calls at once. */
  readonly concurrency: number;
  /** The host of its API, for traces. */
  readonly host: string;
  /** How long its keys are trusted, and how late a charge may happen or appear. */
  readonly policy: PaymentPolicy;
}

export class ProviderRegistry<Entry extends KnownProvider> implements Iterable<Entry> {
  readonly #entries: ReadonlyMap<string, Entry>;

  constructor(entries: readonly Entry[]) {
    this.#entries = new Map(entries.map((entry) => [entry.provider.name, entry]));
  }

  has(name: string): boolean {
    return this.#entries.has(name);
  }

  /** Throws CONFIG_INVALID if there is no such provider here. */
  of(name: string): Entry {
    const entry = this.#entries.get(name);
    if (entry !== undefined) return entry;
    const known = [...this.#entries.keys()].join(", ");
    throw new AppError("CONFIG_INVALID", `there is no payment provider ${name}, only ${known}`);
  }

  [Symbol.iterator](): Iterator<Entry> {
    return this.#entries.values();
  }
}
