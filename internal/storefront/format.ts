// Money and times as people of a language write them. The decimals come from our own table (money.ts), never from Intl, which disagrees
// with it for some currencies. Called by the pages.
import { minorDigits } from "../kernel/money.ts";

export type Language = "en" | "de";
export const LANGUAGES: readonly Language[] = ["en", "de"];

const LOCALES: Readonly<Record<Language, string>> = { en: "en-IE", de: "de-DE" };

/** Bounded: one per language and currency of the table. */
const moneyFormats = new Map<string, Intl.NumberFormat>();

export function money(amount_cents: number, currency: string, language: Language): string {
  const digits = minorDigits(currency);
  if (digits === null) return `${amount_cents} ${currency}`;
  const name = `${language} ${currency}`;
  const format =
    moneyFormats.get(name) ??
    new Intl.NumberFormat(LOCALES[language], {
      style: "currency",
      currency,
      minimumFractionDigits: digits,
      maximumFractionDigits: digits,
    });
  moneyFormats.set(name, format);
  // At most 13 digits: far below what a double holds exactly after rounding to the currency's decimals.
  return format.format(amount_cents / 10 ** digits);
}

const dateFormats = Object.fromEntries(
  LANGUAGES.map((language) => [
    language,
    {
      day: new Intl.DateTimeFormat(LOCALES[language], { dateStyle: "long", timeZone: "UTC" }),
      time: new Intl.DateTimeFormat(LOCALES[language], { timeStyle: "short", timeZone: "UTC" }),
    },
  ]),
);

/** `29 November 2026`, in UTC; the browser's script shows the shopper's own zone. */
export function day(timestamp: string, language: Language): string {
  return dateFormats[language]?.day.format(Date.parse(timestamp)) ?? timestamp;
}

/** `12:04 UTC` */
export function clockTime(timestamp: string, language: Language): string {
  const text = dateFormats[language]?.time.format(Date.parse(timestamp)) ?? timestamp;
  return `${text} UTC`;
}

/** The first language of Accept-Language that the shop speaks, by weight; `otherwise` if it names none of them. */
export function languageOf<Otherwise extends Language | null>(
  header: string | null,
  otherwise: Otherwise,
): Language | Otherwise {
  const wanted = (header ?? "")
    .split(",")
    .map((part) => {
      const [tag = "", ...parameters] = part.trim().toLowerCase().split(";");
      const weight = parameters.map((text) => /^\s*q=([\d.]+)$/.exec(text)?.[1]).find(Boolean);
      return { tag: tag.split("-")[0] ?? "", weight: weight === undefined ? 1 : Number(weight) };
    })
    .filter(({ weight }) => weight > 0)
    .toSorted((a, b) => b.weight - a.weight);
  const found = wanted.flatMap(({ tag }) => LANGUAGES.filter((language) => language === tag));
  return found[0] ?? otherwise;
}
