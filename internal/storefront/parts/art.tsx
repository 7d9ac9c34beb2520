// The drawings. Each motif is defined once per page as a symbol in three shades (`--a` the colour, `--b` its shadow, `--c` its light),
// and each product uses it in its tone, so a page of products stays small.
import type { JSX } from "preact";
import type { ShopProduct } from "../port.ts";
import { markOf, motifOf } from "./art-choice.ts";
import { toneOf } from "./art-tone.ts";
import { DRAWINGS, type Motif } from "./art/drawings.ts";
import { type Mark, MARKS } from "./art/marks.tsx";

/** Lines inherit their ends from here, which keeps them short. */
const SYMBOL = { viewBox: "0 0 120 120", "stroke-linecap": "round", "stroke-linejoin": "round" } as const;

/** Defines the motifs that the page uses; invisible. */
export function ArtDefinitions({ products }: { readonly products: readonly ShopProduct[] }) {
  const drawn = products.filter(({ picture }) => picture === undefined);
  const motifs = new Set(drawn.map(motifOf));
  const marks = new Set(drawn.flatMap((product) => markOf(product) ?? []));
  if (motifs.size === 0) return null;
  return (
    <svg class="definitions" width="0" height="0" aria-hidden="true" focusable="false">
      {[...motifs].map((motif) => (
        <symbol key={motif} id={symbolId(motif)} {...SYMBOL}>
          {DRAWINGS[motif]}
        </symbol>
      ))}
      {[...marks].map((mark) => (
        <symbol key={mark} id={symbolId(mark)} {...SYMBOL}>
          {MARKS[mark]}
        </symbol>
      ))}
    </svg>
  );
}

/** Decorative: the name of the product stands beside it. */
export function Picture({
  product,
  size,
}: {
  readonly product: ShopProduct;
  readonly size: "card" | "line" | "page";
}) {
  if (product.picture !== undefined)
    return (
      <span class={`picture picture-${size}`}>
        <img src={product.picture} alt="" loading={size === "page" ? "eager" : "lazy"} decoding="async" />
      </span>
    );
  const mark = markOf(product);
  return (
    <span class={`picture picture-${size} tone-${toneOf(product)}`}>
      <svg viewBox="0 0 120 120" aria-hidden="true" focusable="false">
        <circle cx="60" cy="58" r="47" class="halo" />
        <ellipse cx="60" cy="102" rx="36" ry="5" class="ground" />
        <use href={`#${symbolId(motifOf(product))}`} />
        {mark === null ? null : <use href={`#${symbolId(mark)}`} />}
      </svg>
    </span>
  );
}

function symbolId(drawing: Motif | Mark): string {
  return `art-${drawing}`;
}

type IconName =
  "cart" | "search" | "check" | "cross" | "clock" | "bank" | "sun" | "print" | "arrow" | "back" | "note";
const ICONS: Readonly<Record<IconName, JSX.Element>> = {
  cart: (
    <path d="M4 7h16l-1.500 11a2 2 0 0 1-2 1.700h-9a2 2 0 0 1-2-1.700zM8.500 10V6.500a3.500 3.500 0 0 1 7 0V10" />
  ),
  search: <path d="M10.500 17a6.500 6.500 0 1 1 0-13 6.500 6.500 0 0 1 0 13zM15.500 15.500L20 20" />,
  check: <path d="M5 12.500l4.500 4.500L19 7.500" />,
  cross: <path d="M7 7l10 10M17 7L7 17" />,
  clock: <path d="M12 21a9 9 0 1 1 0-18 9 9 0 0 1 0 18zM12 7.500V12l3 2" />,
  bank: <path d="M4 9.500L12 5l8 4.500zM6 10v7M10 10v7M14 10v7M18 10v7M4 19h16" />,
  sun: (
    <path d="M12 16a4 4 0 1 1 0-8 4 4 0 0 1 0 8zM12 3v2M12 19v2M3 12h2M19 12h2M5.600 5.600L7 7M17 17l1.400 1.400M5.600 18.400L7 17M17 7l1.400-1.400" />
  ),
  print: (
    <path d="M7 9V4h10v5M7 17H5a1 1 0 0 1-1-1v-6a1 1 0 0 1 1-1h14a1 1 0 0 1 1 1v6a1 1 0 0 1-1 1h-2M7 14h10v6H7z" />
  ),
  arrow: <path d="M5 12h14M13 6l6 6-6 6" />,
  back: <path d="M19 12H5M11 6l-6 6 6 6" />,
  note: <path d="M12 21a9 9 0 1 1 0-18 9 9 0 0 1 0 18zM12 11v5M12 8h.01" />,
};

export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" width="24" height="24" aria-hidden="true" focusable="false">
      {ICONS[name]}
    </svg>
  );
}
