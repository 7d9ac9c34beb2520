// Recognises a card number where a token of the payment provider is meant. Pure; called by checkout-request.ts.
//
// A card number that gets in makes every server behind the gateway one that holds card data. Only the payment method is looked
// at: one number in ten passes the Luhn check, so phone numbers, SKUs, postal lines and Idempotency-Keys made of digits would be
// refused by chance, and none of those is meant to identify a card.

/** ISO/IEC 7812-1; the shortest in use have 12 digits. */
const MIN_DIGITS = 12;
const MAX_DIGITS = 19;
const SEPARATORS = /[\s._-]+/u;
/** Its last groups may be digits only, and it is nobody's card. */
const UUID_FORM = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/giu;

/**
 * Whether `text` is, or has among its parts, a number of 12 to 19 digits that passes the Luhn check. Spaces, points, dashes and
 * underscores may group the digits; digits that touch a letter belong to a token.
 */
export function holdsCardNumber(text: string): boolean {
  const groups = text.replaceAll(UUID_FORM, "x").split(SEPARATORS);
  return groups.some((_, start) => startsCardNumber(groups.slice(start)));
}

function startsCardNumber(groups: readonly string[]): boolean {
  let digits = "";
  for (const group of groups) {
    digits += group;
    if (digits.length > MAX_DIGITS || !/^\d+$/.test(group)) return false;
    if (digits.length >= MIN_DIGITS && passesLuhn(digits)) return true;
  }
  return false;
}

/** ISO/IEC 7812-1, annex B: every second digit from the right but the last is doubled. */
export function passesLuhn(digits: string): boolean {
  const sum = Array.from(digits, Number)
    .toReversed()
    .reduce((total, digit, index) => {
      const value = digit * (index % 2 === 0 ? 1 : 2);
      return total + (value > 9 ? value - 9 : value);
    }, 0);
  return sum % 10 === 0;
}
