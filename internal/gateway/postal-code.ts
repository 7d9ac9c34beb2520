// Whether a postal code can be one of its country. The formats come from the package `validator`; a country that it does not know takes
// anything. Spaces, hyphens, case, full-width digits and a country code in front (D-10117) do not count, because people write them as they
// like, and a wrong refusal loses an order. Pure.
// Called by address.ts, for the API and the shop's pages alike.
// Not `lib/`: of a CommonJS module with other exports, the default import is the function in Bun, and an object in a compiled binary.
import isPostalCode, { locales, type PostalCodeLocale } from "validator/es/lib/isPostalCode.js";
import { POSTAL_CODE_LENGTH } from "../../schemas/fields.ts";

/** `validator` lists the regions of these countries, and refuses a new one. Only the number of digits is checked. */
const DIGITS: Readonly<Partial<Record<string, number>>> = { CN: 6, CO: 6, FR: 5, IR: 10, LI: 4, NP: 5 };
/** Formats that it lacks: codes of several lengths, forces post and overseas territories. */
const ALSO: Readonly<Partial<Record<string, RegExp>>> = {
  GB: /^(BFPO\d{1,4}|(ASCN|BBND|BIQQ|FIQQ|PCRN|SIQQ|STHL|TDCU|TKCA)1ZZ|AI2640|GX111AA)$/,
  SA: /^\d{5}(\d{4})?$/,
};
/** What people put in front, beside the two letters of the country. */
const PREFIXES: Readonly<Partial<Record<string, string>>> = {
  AT: "A",
  BE: "B",
  DE: "D",
  ES: "E",
  FI: "AX",
  FR: "F",
  HU: "H",
  IT: "I",
  LU: "L",
  NO: "N",
  SE: "S",
};
/** Spaces, dots, the Japanese postal mark and everything that looks like a hyphen there. */
const SEPARATORS = /[\s.\p{Pd}\u2212\u3012\u30fc]/gu;
/** French business mail; it belongs to the city, but is written behind the code. */
const CEDEX = /\s+CEDEX(\s+\d{1,2})?\s*$/;

export function isPostalCodeOf(country: string, text: string): boolean {
  const locale = locales.find((one) => one === country);
  if (locale === undefined) return true;
  // The text may also come from a request that breaks the schema.
  if (text.length > POSTAL_CODE_LENGTH) return false;
  const upper = text.normalize("NFKC").toUpperCase();
  const code = (country === "FR" ? upper.replace(CEDEX, "") : upper).replaceAll(SEPARATORS, "");
  const bare = withoutPrefix(code, country);
  if (ALSO[country]?.test(bare) === true) return true;
  const digits = DIGITS[country];
  if (digits !== undefined) return new RegExp(`^\\d{${digits}}$`).test(bare);
  return [code, bare].some((one) => isWritten(one, locale));
}

function withoutPrefix(code: string, country: string): string {
  const prefix = [country, PREFIXES[country] ?? country].find((one) => code.startsWith(one));
  return prefix === undefined ? code : code.slice(prefix.length);
}

/** Whether the formats take it with a separator at some place, or with the country in front: 100-0001, D02 X285, LT-01100, AD500. */
function isWritten(code: string, locale: PostalCodeLocale): boolean {
  const separated = Array.from({ length: code.length }, (_, at) =>
    [" ", "-"].map((mark) => code.slice(0, at) + mark + code.slice(at)),
  ).flat();
  return [code, ...separated, locale + code, `${locale}-${code}`].some((one) => isPostalCode(one, locale));
}
