// What our adapter sees at an implementation of Stripe's API: one short text per question. The same code asks the simulator, stripe-mock
// and localstripe; expected.ts has the answers.
import { Stripe } from "stripe";
import { describeError } from "../../kernel/errors.ts";
import { StripeLedger } from "../../services/payment/providers/stripe/stripe-ledger.ts";
import { stripeClient, StripeProvider } from "../../services/payment/providers/stripe/stripe.ts";
import type { ChargeRequest } from "../../services/payment/providers/provider.ts";

const MINUTE_MS = 60_000;
const AMOUNT = 600;
/** Where there is no charge to ask about. */
const NONE = "pi_1";

/** Tokens of cards at one implementation. */
export interface Cards {
  readonly good: string;
  readonly declining: string;
  /** The bank wants the shopper. */
  readonly challenged: string;
}

export interface Asked {
  readonly url: URL;
  /** Where the adapter's requests go: the same, or a translator before it. */
  readonly adapterUrl: URL;
  readonly cards: (client: Stripe) => Promise<Cards>;
}

/** One implementation, with the charge that most questions are about. */
interface World {
  readonly provider: StripeProvider;
  readonly ledger: StripeLedger;
  readonly client: Stripe;
  readonly cards: Cards;
  readonly first: ChargeRequest;
  readonly charge: string;
  readonly span: { readonly fromMs: number; readonly untilMs: number };
}
type Seen = Readonly<Record<string, string>>;

/** All questions in their order; each builds on the charges of those before it. */
export async function observe({ url, adapterUrl, cards: cardsOf }: Asked): Promise<Seen> {
  const account = { apiKey: "sk_test_check", mark: "checkout", baseUrl: adapterUrl, timeoutMs: 10_000 };
  const untranslated = new StripeProvider({ ...account, baseUrl: url });
  const provider = new StripeProvider({ ...account, shopUrl: new URL("https://shop.example/") });
  const client = stripeClient({ ...account, baseUrl: url });
  const cards = await cardsOf(client);
  const first = requestOf(cards);
  const from = Date.now() - MINUTE_MS;
  const asWeAsk = kindOf(await untranslated.charge(requestOf(cards)));
  const result = await provider.charge(first);
  const world: World = {
    provider,
    ledger: new StripeLedger(account),
    client,
    cards,
    first,
    charge: "provider_txn_id" in result ? (result.provider_txn_id ?? NONE) : NONE,
    span: { fromMs: from, untilMs: from + 2 * MINUTE_MS },
  };
  return {
    "a charge as we request it": asWeAsk,
    "a charge": kindOf(result),
    ...(await observeCharges(world)),
    ...(await observeReads(world)),
    ...(await observeRefunds(world)),
  };
}

/** A charge of a saga of its own. */
function requestOf(cards: Cards, changes: Partial<ChargeRequest> = {}): ChargeRequest {
  const saga_id = Bun.randomUUIDv7();
  return {
    idempotency_key: `${saga_id}:charge`,
    saga_id,
    amount_cents: AMOUNT,
    currency: "EUR",
    payment_method: cards.good,
    shopper_present: false,
    capture: "automatic",
    ...changes,
  };
}

async function observeCharges({ provider, client, cards, first, charge }: World): Promise<Seen> {
  const raw = (params: object) =>
    answerOr(
      () => client.paymentIntents.create({ amount: AMOUNT, currency: "eur", ...params }),
      () => "accepted",
    );
  const charged = async (changes: Partial<ChargeRequest>) =>
    kindOf(await provider.charge(requestOf(cards, changes)));
  return {
    "a parameter that is not in the API": await raw({ wibble: "1" }),
    "`payment_method_types`": await raw({ payment_method_types: ["card"] }),
    "the same request with the same key": sameCharge(charge, await provider.charge(first)),
    "the same key with another amount": kindOf(await provider.charge({ ...first, amount_cents: AMOUNT + 1 })),
    "a card that is declined": await charged({ payment_method: cards.declining }),
    "a payment method that does not exist": await charged({ payment_method: "pm_nonexistent" }),
    "3-D Secure, the shopper present": await charged({
      payment_method: cards.challenged,
      shopper_present: true,
    }),
    "cancel of a charge that succeeded": kindOf(await provider.cancelCharge(charge)),
  };
}

async function observeReads({ provider, ledger, client, first, charge, span }: World): Promise<Seen> {
  const { saga_id } = first;
  const asked = { firstMs: Date.now(), lastMs: Date.now() };
  const query = `metadata['saga_id']:'${saga_id}'`;
  return {
    "look-up by id": sameCharge(charge, await provider.lookUpCharge(charge)),
    "look-up of an id that does not exist": kindOf(await provider.lookUpCharge("pi_nonexistent")),
    "search by metadata": await answerOr(
      () => client.paymentIntents.search({ query }),
      ({ data }) => found(data, ({ id }) => id === charge),
    ),
    "the saga's charge": sameCharge(charge, await provider.findCharge({ ...first, asked })),
    "list of charges by time": await answerOr(
      () => ledger.charges(span, null),
      ({ entries }) => found(entries, ({ provider_txn_id }) => provider_txn_id === charge),
    ),
  };
}

async function observeRefunds({ provider, ledger, client, cards, charge, span }: World): Promise<Seen> {
  const tooLarge = await answerOr(
    () => client.refunds.create({ payment_intent: charge, amount: 2 * AMOUNT }),
    () => "accepted",
  );
  const request = requestOf(cards);
  const { saga_id } = request;
  const charged = await provider.charge(request);
  const provider_txn_id = charged.kind === "succeeded" ? charged.provider_txn_id : NONE;
  const refund = (idempotency_key: string) => provider.refund({ idempotency_key, saga_id, provider_txn_id });
  const key = Bun.randomUUIDv7();
  const first = await refund(key);
  const refundId = first.kind === "succeeded" ? first.provider_refund_id : "";
  const same = (result: object) => {
    if (!("provider_refund_id" in result)) return kindOf(result);
    return result.provider_refund_id === refundId ? "the same refund" : "another refund";
  };
  return {
    "a refund larger than its charge": tooLarge,
    "a refund": kindOf(first),
    "the same refund with the same key": same(await refund(key)),
    "a second refund of all, with another key": same(await refund(Bun.randomUUIDv7())),
    "refunds of the charge": same(await provider.findRefund(provider_txn_id)),
    "list of refunds by time": await answerOr(
      () => ledger.refunds(span, null),
      ({ entries }) => found(entries, ({ provider_refund_id }) => provider_refund_id === refundId),
    ),
    "a dispute": await answerOr(
      () => ledger.dispute("du_nonexistent"),
      (dispute) => (dispute === null ? "unknown id" : "a fixture"),
    ),
  };
}

async function answerOr<Answer>(ask: () => Promise<Answer>, of: (answer: Answer) => string): Promise<string> {
  try {
    return of(await ask());
  } catch (error) {
    if (error instanceof Stripe.errors.StripeError)
      return `refused: ${[error.statusCode, error.code, error.param].filter(Boolean).join(" ") || error.type}`;
    return `fails: ${describeError(error).replace(/^.*: /s, "")}`;
  }
}

/** The words of a result: its kind, and why. */
function kindOf(result: object): string {
  const named = new Set(["kind", "reason", "error_code", "code", "redirects"]);
  return Object.entries(result)
    .flatMap(([name, value]) => (named.has(name) ? [String(value)] : []))
    .join(" ");
}

function sameCharge(
  charge: string,
  result: { readonly kind: string; readonly provider_txn_id?: string },
): string {
  if (result.provider_txn_id === undefined || result.kind !== "succeeded") return kindOf(result);
  return result.provider_txn_id === charge ? "the same charge" : "another charge";
}

function found<Entry>(entries: readonly Entry[], isWanted: (entry: Entry) => boolean): string {
  if (entries.length === 0) return "nothing";
  return entries.some(isWanted) ? "found" : "others";
}
