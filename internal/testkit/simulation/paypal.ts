// PayPal as the second provider of the simulation: its simulator, the executor that asks it, and its payers. Called by simulation.ts.
import type { ProviderLedgerEntry } from "../../../schemas/provider-ledger.ts";
import { payPalEntries } from "../../audit/paypal-entries.ts";
import { pick } from "../../kernel/random.ts";
import { TestPayPal } from "../../paysim/paypal/test-paypal.ts";
import { ChargeHold } from "../../services/payment/providers/charge-hold.ts";
import { Pace } from "../../services/payment/providers/pace.ts";
import { PAYPAL_POLICY } from "../../services/payment/providers/paypal/paypal-policy.ts";
import { PayPalProvider } from "../../services/payment/providers/paypal/paypal.ts";
import { ignore } from "../noop-telemetry.ts";
import { MARK, SHOP_URL, type TestPayment } from "../payment.ts";

/** What a payer does at PayPal's page, in order. */
const ANSWERS = [
  ["approve"],
  ["approve"],
  ["approve", "approve"],
  ["refuse"],
  ["refuse", "approve"],
  ["declined"],
  [],
] as const;

export class SimulatedPayPal implements AsyncDisposable {
  readonly simulator = new TestPayPal();
  readonly provider: PayPalProvider;
  readonly #payment: TestPayment;
  readonly #pace = new Pace();
  readonly #hold = new ChargeHold(ignore);

  constructor(payment: TestPayment) {
    this.#payment = payment;
    this.provider = new PayPalProvider({
      clientId: "client",
      clientSecret: "secret",
      mark: MARK,
      baseUrl: new URL(this.simulator.url),
      shopUrl: SHOP_URL,
      clock: { now: () => this.simulator.nowMs },
    });
  }

  /** One round of a process that asks PayPal. */
  async round(): Promise<void> {
    const { provider } = this;
    const own = { provider, policy: PAYPAL_POLICY, pace: this.#pace, hold: this.#hold };
    await using executor = this.#payment.executor(undefined, own);
    await executor.runOnce();
  }

  /** The payer of the charge goes to the page, if it is still there. */
  async visit(charge: string, random: () => number): Promise<void> {
    for (const answer of pick(random, ANSWERS)) {
      // Taken or closed meanwhile: the page is gone.
      if ((await this.provider.actionOf(charge)).kind !== "redirect") return;
      await this.simulator.press(charge.replace(/^order:/, ""), answer);
    }
  }

  /** Its ledger as the audit reads it. */
  entries(): AsyncIterable<ProviderLedgerEntry> {
    return payPalEntries(this.simulator.entries());
  }

  [Symbol.asyncDispose](): PromiseLike<void> {
    return this.simulator[Symbol.asyncDispose]();
  }
}
