// The number of an order that people read: `6G0P6-6GB06-MER2` instead of a UUID. It is computed from the order's id and stored nowhere.
// Pages, mails and the API show it; operators find the order by it (operations/order-store.ts).
//
// Thirteen characters are 30 bits of the id's time, whole seconds since 2020, and the last 35 bits of the id, which are random. So numbers
// sort like their orders, an order is found in one second of the primary key without an index of its own, and a number says nothing about
// how much is sold. Two orders of the same second share a number once in 34 billion pairs: at a million orders a day about once in 15 years,
// at 10,000 a minute about once a month. Then operators see both. Nothing else depends on it: the id is the order's identity. The time
// repeats after 34 years, in 2054. The fourteenth character checks the others (Luhn's algorithm modulo 32).
import { firstIdOf, lastIdOf, timeOfId } from "./time-of-id.ts";

/** Crockford's base 32: no I, L, O and U. */
const DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const LENGTH = 14;
const BASE = 32;
/** 2020-01-01, in seconds. */
const EPOCH = 1_577_836_800;
const SECONDS = 2 ** 30;
const RANDOM_BITS = 35n;
const RANDOM_MASK = (1n << RANDOM_BITS) - 1n;

/** `orderId`: a UUIDv7. */
export function orderNumberOf(orderId: string): string {
  const seconds = Math.floor(timeOfId(orderId) / 1_000) - EPOCH;
  // Also of an id from before 2020, which no order has.
  const time = BigInt(((seconds % SECONDS) + SECONDS) % SECONDS);
  const bits = (time << RANDOM_BITS) | (BigInt(`0x${orderId.replaceAll("-", "").slice(16)}`) & RANDOM_MASK);
  const digits = Array.from(
    { length: LENGTH - 1 },
    (_, i) => DIGITS[Number((bits >> BigInt(5 * (LENGTH - 2 - i))) & 31n)],
  ).join("");
  return grouped(digits + checkDigit(digits));
}

export interface OrderNumber {
  /** As orderNumberOf writes it. */
  readonly number: string;
  /** Orders with this number have ids from `first` to `last`. Others in between have another number. */
  readonly first: string;
  readonly last: string;
}

/**
 * Reads what somebody typed or read out: in any case, with or without dashes and blanks, with O for 0 and I or L for 1. Null if it is no
 * order number, also when a character is wrong or two neighbours are swapped.
 */
export function readOrderNumber(text: string): OrderNumber | null {
  const plain = text.toUpperCase().replaceAll(/[\s-]/g, "").replaceAll("O", "0").replaceAll(/[IL]/g, "1");
  if (!/^[0-9A-HJKMNP-TV-Z]{14}$/.test(plain) || checkDigit(plain.slice(0, -1)) !== plain.at(-1)) return null;
  const digits = plain.slice(0, -1).split("");
  const bits = digits.reduce((sum, one) => sum * 32n + BigInt(DIGITS.indexOf(one)), 0n);
  const ms = (Number(bits >> RANDOM_BITS) + EPOCH) * 1_000;
  return { number: grouped(plain), first: firstIdOf(ms), last: lastIdOf(ms + 999) };
}

function grouped(digits: string): string {
  return [digits.slice(0, 5), digits.slice(5, 10), digits.slice(10)].join("-");
}

/** Luhn's algorithm modulo 32: every second digit counts twice, and a double of two digits by their sum. */
function checkDigit(digits: string): string {
  const sum = digits.split("").reduceRight((before, one, at) => {
    const value = DIGITS.indexOf(one);
    const isDoubled = (digits.length - 1 - at) % 2 === 0;
    const counted = isDoubled ? 2 * value : value;
    return before + Math.floor(counted / BASE) + (counted % BASE);
  }, 0);
  return DIGITS[(BASE - (sum % BASE)) % BASE] ?? "";
}
