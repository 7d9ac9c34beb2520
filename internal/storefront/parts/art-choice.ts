// Which drawing a product gets when it has no picture: the motif from the words of its category and name, the tone from a colour word
// or, without one, from its SKU. The same product always looks the same. Pure.
import type { ShopProduct } from "../port.ts";

export const MOTIFS = [
  "mug",
  "teapot",
  "notebook",
  "lamp",
  "backpack",
  "headphones",
  "scarf",
  "chair",
  "plant",
  "bottle",
  "candle",
  "cushion",
  "parcel",
] as const;
export type Motif = (typeof MOTIFS)[number];

export const TONES = ["clay", "sea", "moss", "ink", "linen", "honey", "stone", "plum"] as const;
export type Tone = (typeof TONES)[number];

/** The first match counts, so the longer words come first. English and German. */
const MOTIF_WORDS: readonly (readonly [RegExp, Motif])[] = [
  [/teapot|kettle|teekanne|kanne|carafe/, "teapot"],
  [/mug|cup\b|tasse|becher|coffee|kaffee|espresso/, "mug"],
  [/notebook|journal|notizbuch|book|buch|paper|papier|stationery|diary|planner/, "notebook"],
  [/lamp|light|leuchte|licht/, "lamp"],
  [/backpack|rucksack|bag|tasche|tote|luggage/, "backpack"],
  [/headphone|earphone|kopfhörer|audio|speaker|lautsprecher|music/, "headphones"],
  [/scarf|schal|shirt|hemd|wool|wolle|sock|hat\b|clothing|kleidung|textile|jumper|sweater|towel/, "scarf"],
  [/chair|stuhl|stool|hocker|sofa|bench|table|tisch|furniture|möbel/, "chair"],
  [/plant|pflanze|garden|garten|seed|flower|pot\b|vase/, "plant"],
  [/bottle|flasche|jar|glas|oil|wine|wein|soap|seife|thermos/, "bottle"],
  [/candle|kerze/, "candle"],
  [/cushion|kissen|pillow|blanket|decke|throw/, "cushion"],
  [/tea\b|tee\b|kitchen|küche/, "teapot"],
];

const TONE_WORDS: readonly (readonly [RegExp, Tone])[] = [
  [/\b(red|rot|terracotta|rust)\b/, "clay"],
  [/\b(blue|blau|navy)\b/, "sea"],
  [/\b(green|grün|olive)\b/, "moss"],
  [/\b(black|schwarz|dark)\b/, "ink"],
  [/\b(white|weiß|cream|natural|linen)\b/, "linen"],
  [/\b(yellow|gelb|mustard|orange)\b/, "honey"],
  [/\b(grey|gray|grau|silver)\b/, "stone"],
  [/\b(purple|violet|lila|pink|rosa)\b/, "plum"],
];

export function motifOf({ name, category = "" }: ShopProduct): Motif {
  // The name is more exact than the category.
  for (const text of [name, category].map((part) => part.toLowerCase())) {
    const found = MOTIF_WORDS.find(([words]) => words.test(text));
    if (found !== undefined) return found[1];
  }
  return "parcel";
}

export function toneOf({ name, sku_id }: ShopProduct): Tone {
  const found = TONE_WORDS.find(([words]) => words.test(name.toLowerCase()));
  if (found !== undefined) return found[1];
  const sum = Array.from(sku_id, (letter) => letter.charCodeAt(0)).reduce(
    (total, code) => (total * 31 + code) % 9_973,
    7,
  );
  return TONES[sum % TONES.length] ?? "moss";
}
