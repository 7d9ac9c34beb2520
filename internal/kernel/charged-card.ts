// The card that was charged, as receipts name it. Pages and mails show it; the saga and the order store it.

export interface CardOnReceipt {
  readonly brand: string;
  readonly last4: string;
}

/** Without whatever else a newer sender says of the card: that must not be stored. */
export function onlyReceipt({ brand, last4 }: CardOnReceipt): CardOnReceipt {
  return { brand, last4 };
}

/** As Stripe names them in `payment_method_details.card.brand`. */
const BRANDS: Readonly<Record<string, string>> = {
  amex: "American Express",
  cartes_bancaires: "Cartes Bancaires",
  diners: "Diners Club",
  discover: "Discover",
  eftpos_au: "eftpos",
  jcb: "JCB",
  link: "Link",
  mastercard: "Mastercard",
  unionpay: "UnionPay",
  visa: "Visa",
};

/** Null for a brand that has no name here; the last four digits tell people enough. */
export function brandName({ brand }: CardOnReceipt): string | null {
  return Object.hasOwn(BRANDS, brand) ? (BRANDS[brand] ?? null) : null;
}
