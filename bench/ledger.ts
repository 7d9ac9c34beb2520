// The payment simulator's ledgers, which say what each provider took and returned. Read by the chaos run and by the comparison of designs,
// after nothing moves any more.
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { minorDigits } from "../internal/kernel/money.ts";
import { PayPalLedgerEntry } from "../schemas/paypal-ledger.ts";
import { ProviderLedgerEntry } from "../schemas/provider-ledger.ts";

const entry = TypeCompiler.Compile(ProviderLedgerEntry);
const payPalEntry = TypeCompiler.Compile(PayPalLedgerEntry);

/** Money that a provider took or returned, in minor units. A refund has the `payment_intent` of its charge. */
export interface Movement {
  readonly kind: "charge" | "refund";
  readonly payment_intent: string;
  readonly saga_id: string | null;
  readonly currency: string;
  readonly amount_cents: number;
}

/** `paysim`: the simulator's address. Throws if it does not answer, or with something else. */
export async function readLedger(paysim: string): Promise<readonly ProviderLedgerEntry[]> {
  return (await readLines(`${paysim}/_sim/ledger`)).map((line) => entry.Decode(JSON.parse(line)));
}

/** What moved at the card provider and at PayPal; the arguments and errors of `readLedger`. */
export async function readMovements(paysim: string): Promise<readonly Movement[]> {
  const cards = (await readLedger(paysim)).filter((one) => one.kind === "charge" || one.kind === "refund");
  const lines = await readLines(`${paysim}/paypal/_sim/ledger`);
  return [...cards, ...payPalMovements(lines.map((line) => payPalEntry.Decode(JSON.parse(line))))];
}

/** PayPal's captures and refunds. */
export function payPalMovements(ledger: readonly PayPalLedgerEntry[]): readonly Movement[] {
  return ledger.flatMap((one): Movement[] => {
    if (one.kind !== "capture" && one.kind !== "refund") return [];
    const { capture, saga_id, currency, value } = one;
    const kind = one.kind === "capture" ? "charge" : "refund";
    const amount_cents = Math.round(Number(value) * 10 ** (minorDigits(currency) ?? 0));
    return [{ kind, payment_intent: capture, saga_id, currency, amount_cents }];
  });
}

async function readLines(url: string): Promise<readonly string[]> {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`the provider simulator's ledger ${url}: ${answer.status}`);
  return (await answer.text()).split("\n").filter((line) => line !== "");
}
