// Money is integer cents in one ISO 4217 currency. Floats never touch it.

export interface Money {
  readonly amount_cents: number;
  readonly currency: string;
}

/** The sum of quantity x unit price, in cents. */
export function totalCents(
  lines: readonly { readonly quantity: number; readonly unit_price_cents: number }[],
): number {
  return lines.reduce((sum, line) => sum + line.quantity * line.unit_price_cents, 0);
}
