// Detects a card number in place of a payment provider's token. Pure; called by checkout-request.ts.
//
// If a card number gets in, every server behind the gateway holds card data. Only the payment method is checked: one number in ten
// passes the Luhn check, so phone numbers, SKUs, address lines and Idempotency-Keys of digits would be rejected by chance, and
// none of those should hold a card number.

/** ISO/IEC 7812-1. The shortest card numbers in use have 12 digits. */
const MIN_DIGITS = 12;
const MAX_DIGITS = 19;
const SEPARATORS = /[\s._-]+/u;
/** A UUID's last groups may be digits only, and it is not a card number. */
const UUID_FORM = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/giu;

/**
 * Whether `text` is or contains a number of 12 to 19 digits that passes the Luhn check. Spaces, points, dashes and underscores may
 * group the digits. Digits next to a letter belong to a token.
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

/** ISO/IEC 7812-1, annex B: from the right, every second digit is doubled, not the last one. */
export function passesLuhn(digits: string): boolean {
  const sum = Array.from(digits, Number)
    .toReversed()
    .reduce((total, digit, index) => {
      const value = digit * (index % 2 === 0 ? 1 : 2);
      return total + (value > 9 ? value - 9 : value);
    }, 0);
  return sum % 10 === 0;
}
