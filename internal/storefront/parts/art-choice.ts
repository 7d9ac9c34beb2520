// Which drawing a product gets when it has no picture, by the words of its name, then of its category. The same product always looks the
// same. Pure.
import type { ShopProduct } from "../port.ts";
import type { Motif } from "./art/drawings.ts";
import type { Mark } from "./art/marks.tsx";

export const FALLBACK: Motif = "parcel";

/** The first match counts: things come before what is in them, so that a matcha bowl is a bowl. English and German. */
const MOTIF_WORDS: readonly (readonly [RegExp, Motif])[] = [
  [/\b(starter|gift) ?set|geschenk|einsteigerset|hamper/, "gift-set"],
  // Cloth, before the tea and the table that it is for.
  [/towel|handtuch|geschirrt/, "towels"],
  [/\bapron|schürze/, "apron"],
  [/napkin|serviette/, "napkins"],
  [/runner\b|tischläufer|tablecloth|tischdecke/, "runner"],
  [/cushion|kissen|pillow/, "cushion"],
  // Tools, before the cups, pots and glasses that some are named by.
  [/moka|espressokocher/, "moka-pot"],
  [/french press|cafetière/, "french-press"],
  [/\bpaper filter|papierfilter|filter papers?/, "filters"],
  [/dripper|pour-?over|handfilter/, "dripper"],
  [/grinder|mühle/, "grinder"],
  [/whisk|besen\b/, "tea-whisk"],
  [/scoop|messlöffel/, "scoop"],
  [/infuser|strainer|teesieb|teefilter/, "infuser"],
  [/\bscales?\b|waage/, "scale"],
  [/\b(serving|cutting|chopping|bread|cheese) ?board|(servier|schneide|holz)brett/, "board"],
  [/knife|messer\b/, "knife"],
  [/mortar|mörser/, "mortar"],
  // Pots and vessels.
  [/kyusu/, "kyusu"],
  [/teapot|teekanne/, "teapot"],
  [/kettle|kessel\b/, "kettle"],
  [/carafe|decanter|karaffe/, "carafe"],
  [/\bjug\b|pitcher|creamer|kännchen|krug\b/, "jug"],
  [/\bvase|vase\b/, "vase"],
  [/(matcha|tea)[ -]?(bowl|schale)|teeschale/, "tea-bowl"],
  [/(serving|salad) bowl|(servier|salat)schüssel/, "serving-bowl"],
  [/\bbowl|schale\b|schüssel/, "bowl"],
  [/(cake|dessert) plate|(kuchen|dessert)teller/, "cake-plate"],
  [/\bplates?\b|teller\b/, "plate"],
  [/espresso ?cup|espressotasse/, "espresso-cup"],
  [/(cappuccino|latte|coffee|tea) ?cup|cappuccinotasse|\bcups?\b|tasse\b/, "cappuccino-cup"],
  [/\bmugs?\b|becher\b/, "mug"],
  [/storage (glass|jar)|vorratsglas/, "storage-glass"],
  [/(tea|coffee|ceramic) jar|cork lid|korkdeckel/, "jar"],
  [/\bglasses\b|\btumbler|gläser\b|trinkglas/, "glasses"],
  // Food.
  [/honey|honig/, "honey"],
  [/chocolate|schokolade|cocoa|kakao/, "chocolate"],
  [/biscuit|cookie|gebäck|keks/, "biscuits"],
  [/sugar|zucker|kandis/, "sugar"],
  [/\bjam\b|jelly|marmalade|marmelade|konfitüre|gelee/, "jam"],
  // Other shops.
  [/notebook|journal|notizbuch|diary|planner|stationery/, "notebook"],
  [/\blamps?\b|lampe|leuchte/, "lamp"],
  [/\bplants?\b|pflanze|flower ?pot/, "plant"],
  [/bottle|flasche|thermos/, "bottle"],
  [/candle|kerze/, "candle"],
  // What is in a pack comes last.
  [/matcha/, "low-tin"],
  [/(coffee|espresso|kaffee|roast|röstung).*\b1 ?kg|\b1 ?kg.*(coffee|espresso|kaffee)/, "coffee-sack"],
  [/coffee|kaffee|espresso|\broast\b|röstung/, "coffee-bag"],
  [/\bteas?\b|\btees?\b|\w+tee\b|sencha|oolong|darjeeling|rooibos/, "tin"],
  // Categories that say no more.
  [/ceramic|keramik|pottery|töpferei|\bdining/, "bowl"],
  [/kitchen|küche|utensil|cook/, "utensils"],
  [/\bglass|glas\b/, "glasses"],
  [/linen|leinen|textile/, "towels"],
  [/pantry|vorrat|preserve/, "jam"],
];

/** What the label of a pack shows, in the same order. */
const PACK_MARKS: readonly (readonly [RegExp, Mark])[] = [
  [/genmaicha|rice|reis\b/, "rice"],
  [/lemon|zitrone|bergamot|citrus|orange/, "citrus"],
  [/rooibos|peony|pfingstrose|flower|jasmin|rose\b|blüte/, "flower"],
  [/lapsang|smoke|\bpine\b|rauch/, "pine"],
  [/herb|kräuter|mint|minze|verbena/, "sprig"],
  [/barley|gerste|malt coffee|malzkaffee/, "barley"],
  [/decaf|entkoffein/, "moon"],
  [/cold brew/, "ice"],
  [/\bhouse|^haus/, "house"],
  [/ethiopia|äthiopien|kenya|kenia|rwanda/, "sun"],
  [/colombia|kolumbien|peru|guatemala|highland/, "hills"],
];
const PLAIN_MARKS: Partial<Record<Motif, Mark>> = {
  tin: "leaf",
  "coffee-bag": "bean",
  "coffee-sack": "bean",
};

export function motifOf({ name, category = "" }: ShopProduct): Motif {
  // The name is more exact than the category.
  for (const text of [name, category].map((part) => part.toLowerCase())) {
    const found = MOTIF_WORDS.find(([words]) => words.test(text));
    if (found !== undefined) return found[1];
  }
  return FALLBACK;
}

/** What is drawn over the motif, so that twelve teas are not twelve times the same tin. */
export function markOf(product: ShopProduct): Mark | null {
  const motif = motifOf(product);
  const name = product.name.toLowerCase();
  if (motif === "mug") return /speckle|sprenkel/.test(name) ? "speckles" : null;
  const plain = PLAIN_MARKS[motif];
  if (plain === undefined) return null;
  return PACK_MARKS.find(([words]) => words.test(name))?.[1] ?? plain;
}
