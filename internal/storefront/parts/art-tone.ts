// The colours of a drawing: by a colour word of the name, then what the thing is usually made of, then by its SKU. Pure.
import type { ShopProduct } from "../port.ts";
import { motifOf } from "./art-choice.ts";
import type { Motif } from "./art/drawings.ts";

/** Each is a class `tone-…` of theme.css. */
export const TONES = [
  "clay",
  "sea",
  "indigo",
  "moss",
  "celadon",
  "ink",
  "linen",
  "sand",
  "porcelain",
  "honey",
  "stone",
  "steel",
  "oak",
  "walnut",
  "plum",
] as const;
export type Tone = (typeof TONES)[number];

/** The first match counts. English and German. */
const TONE_WORDS: readonly (readonly [RegExp, Tone])[] = [
  [/chocolate|schokolade/, "walnut"],
  [/indigo|navy|\bmarine\b/, "indigo"],
  [/\b(red|rote?r?|terracotta|rust)\b|kyusu/, "clay"],
  [/\b(blue|blau)\b/, "sea"],
  [/celadon|seladon|\bmint\b/, "celadon"],
  [/\b(green|grün|olive)\b/, "moss"],
  [/\b(black|schwarz|dark)\b/, "ink"],
  [/\b(white|weiße?|porcelain|porzellan)\b/, "porcelain"],
  [/\b(cream|natural)\b/, "linen"],
  [/\b(sand|beige|oat|oatmeal|speckled|gesprenkelter?)\b/, "sand"],
  [/\b(yellow|gelb|mustard|orange)\b/, "honey"],
  [/\b(grey|gray|grau|granite?|stoneware|steinzeug)\b/, "stone"],
  [/\b(silver|steel|stahl)\b/, "steel"],
  [/\b(purple|violet|lila|pink|rosa|plum)\b/, "plum"],
  [/walnut|nussbaum/, "walnut"],
  [/\b(oak|eiche|beech|buche|bamboo|wood|holz)\b|bambus/, "oak"],
  [/linen|leinen/, "linen"],
  [/quince|quitte|honey|honig/, "honey"],
];

/** Teas and coffees, as their makers dress them; before the colours, because Earl Grey is not grey. */
const PACK_TONES: readonly (readonly [RegExp, Tone])[] = [
  [/earl grey/, "indigo"],
  [/green tea|grüntee|sencha|matcha|herb|kräuter/, "moss"],
  [/darjeeling|ginger|ingwer|lemon|zitrone/, "honey"],
  [/assam|sumatra/, "walnut"],
  [/rooibos|colombia|kolumbien/, "clay"],
  [/oolong/, "celadon"],
  [/genmaicha|barley|gerste/, "sand"],
  [/lapsang|\bhouse|^haus/, "ink"],
  [/ethiopia|äthiopien/, "plum"],
  [/decaf|entkoffein/, "sea"],
  [/cold brew/, "steel"],
];
const PACKS: ReadonlySet<Motif> = new Set<Motif>(["tin", "low-tin", "coffee-bag", "coffee-sack"]);

/** What a thing is made of when its name names no colour. */
const USUAL: Partial<Record<Motif, Tone>> = {
  kettle: "steel",
  "french-press": "steel",
  "moka-pot": "steel",
  infuser: "steel",
  grinder: "ink",
  scale: "ink",
  dripper: "porcelain",
  filters: "linen",
  "tea-whisk": "oak",
  scoop: "oak",
  board: "oak",
  knife: "walnut",
  mortar: "stone",
  "tea-bowl": "sea",
  "serving-bowl": "celadon",
  glasses: "stone",
  carafe: "sea",
  "storage-glass": "stone",
  biscuits: "oak",
  sugar: "porcelain",
  jam: "clay",
  plate: "porcelain",
  jug: "porcelain",
  napkins: "sand",
  runner: "celadon",
  towels: "linen",
  "gift-set": "moss",
};

/** For whatever is left; calm, because a page shows many. */
const CALM: readonly Tone[] = ["sea", "moss", "celadon", "sand", "stone", "clay", "linen"];

export function toneOf(product: ShopProduct): Tone {
  const name = product.name.toLowerCase();
  const motif = motifOf(product);
  const words = PACKS.has(motif) ? [...PACK_TONES, ...TONE_WORDS] : TONE_WORDS;
  const found = words.find(([pattern]) => pattern.test(name))?.[1] ?? USUAL[motif];
  if (found !== undefined) return found;
  const sum = Array.from(product.sku_id, (letter) => letter.charCodeAt(0)).reduce(
    (total, code) => (total * 31 + code) % 9_973,
    7,
  );
  return CALM[sum % CALM.length] ?? "sand";
}
