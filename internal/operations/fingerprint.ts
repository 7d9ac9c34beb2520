// What errors of the same cause have in common: their text without the ids, numbers and times that differ from one to the next. Pure. Called by
// dead-letters.ts and the console.
import { maskedText } from "./mask.ts";

const MAX_LENGTH = 300;
/** What lies behind is not read. */
const MAX_READ = 1_200;
/** In this order: a number is also in an id and in a time. */
const VARYING: readonly (readonly [RegExp, string])[] = [
  [/\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/gi, "<id>"],
  [/\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?/g, "<time>"],
  // As providers make them (pi_3Qx...), and hashes. Without a digit it is a word.
  [/\b[a-z]{2,8}_(?=[A-Za-z]*\d)[A-Za-z0-9]{6,}\b/g, "<id>"],
  [/\b(?=[a-f]*\d)[0-9a-f]{12,}\b/gi, "<id>"],
  [/\d+(?:[.,:]\d+)*/g, "<n>"],
];

/** At most some hundred characters; empty for an empty text. */
export function fingerprintOf(error: string): string {
  // Half an id at the end would differ from one error to the next.
  const start = error.length > MAX_READ ? error.slice(0, MAX_READ).replace(/\S*$/, "") : error;
  const common = VARYING.reduce((text, [pattern, sign]) => text.replaceAll(pattern, sign), maskedText(start));
  return common
    .slice(0, MAX_LENGTH)
    .replace(/[<(][a-z]*$/, "")
    .trim();
}

/** Shorter ones are in errors of every kind. */
const MIN_COMMON = 4;

/** The longest piece of text that all errors with this fingerprint contain, for a filter; undefined if that says nothing. */
export function commonPartOf(fingerprint: string): string | undefined {
  const texts = fingerprint.split(/<id>|<time>|<n>|\(masked\)/).map((text) => text.trim());
  const longest = texts.reduce((one, other) => (other.length > one.length ? other : one), "");
  return longest.length < MIN_COMMON ? undefined : longest;
}
