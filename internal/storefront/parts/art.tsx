// The drawings. Each motif is defined once per page as a symbol in three shades (`--a` the colour, `--b` its shadow, `--c` its light),
// and each product uses it in its tone, so a page of products stays small.
import type { ComponentChildren, JSX } from "preact";
import type { ShopProduct } from "../port.ts";
import { type Motif, motifOf, toneOf } from "./art-choice.ts";

const A = "var(--a)";
const B = "var(--b)";
const C = "var(--c)";
const line = (stroke: string, width: number) => ({
  fill: "none",
  stroke,
  "stroke-width": width,
  "stroke-linecap": "round" as const,
  "stroke-linejoin": "round" as const,
});

const MOTIFS: Readonly<Record<Motif, ComponentChildren>> = {
  mug: (
    <>
      <path d="M46 33c-4-5 4-8 0-14M60 33c-4-5 4-8 0-14" {...line(B, 2.5)} opacity=".45" />
      <path d="M80 54h5a13 13 0 0 1 0 26h-6" {...line(B, 7)} />
      <path d="M28 42h54v40a16 16 0 0 1-16 16H44a16 16 0 0 1-16-16z" fill={A} />
      <path d="M68 42h14v40a16 16 0 0 1-16 16h-6c6-4 8-9 8-16z" fill={B} />
      <path d="M28 62h54v9H28z" fill={C} opacity=".75" />
      <ellipse cx="55" cy="42" rx="27" ry="6" fill={C} />
      <ellipse cx="55" cy="43" rx="22" ry="4" fill={B} />
    </>
  ),
  teapot: (
    <>
      <path d="M88 54c16-4 18 26-4 30" {...line(B, 6)} />
      <path d="M36 60C24 58 22 44 12 42l-2 7c6 5 8 26 28 31z" fill={B} />
      <path d="M32 66c0-18 13-26 29-26s29 8 29 26-11 32-29 32-29-14-29-32z" fill={A} />
      <path d="M78 46c8 4 12 11 12 20 0 18-11 32-29 32 14-6 24-24 17-52z" fill={B} />
      <path d="M40 60c2-8 7-12 14-14" {...line(C, 4)} />
      <path d="M44 42a17 7 0 0 1 34 0z" fill={C} />
      <circle cx="61" cy="31" r="5" fill={B} />
    </>
  ),
  notebook: (
    <g transform="rotate(-7 60 60)">
      <rect x="36" y="24" width="56" height="76" rx="5" fill={B} />
      <path d="M34 27h54v70H34z" fill="#fdfaf4" />
      <rect x="30" y="21" width="56" height="76" rx="5" fill={A} />
      <path d="M30 26a5 5 0 0 1 5-5h6v76h-6a5 5 0 0 1-5-5z" fill={B} />
      <rect x="50" y="36" width="26" height="16" rx="2" fill={C} />
      <path d="M55 42h16M55 47h10" {...line(B, 1.8)} />
      <path d="M80 21v76" {...line(B, 3)} />
      <path d="M62 97v10l4-4 4 4V97z" fill={C} />
    </g>
  ),
  lamp: (
    <>
      <path d="M36 60h48l12 38H24z" fill={C} opacity=".35" />
      <path d="M60 52v44" {...line(B, 4)} />
      <path d="M44 98a16 6 0 0 1 32 0z" fill={B} />
      <path d="M46 22h28l14 36H32z" fill={A} />
      <path d="M64 22h10l14 36H70z" fill={B} />
      <path d="M52 28l-8 24" {...line(C, 4)} />
      <path d="M60 14v8" {...line(B, 3)} />
      <path d="M76 58v16" {...line(B, 1.6)} />
      <circle cx="76" cy="76" r="2.6" fill={B} />
    </>
  ),
  backpack: (
    <>
      <path d="M50 26c0-14 20-14 20 0" {...line(B, 5)} />
      <path d="M30 52c-9 2-10 12-10 34l12 2zM90 52c9 2 10 12 10 34l-12 2z" fill={B} />
      <path d="M30 52c0-19 12-29 30-29s30 10 30 29v38a9 9 0 0 1-9 9H39a9 9 0 0 1-9-9z" fill={A} />
      <path d="M78 30c8 5 12 12 12 22v38a9 9 0 0 1-9 9h-9c8-8 10-50 6-69z" fill={B} opacity=".6" />
      <path d="M38 68h44v19a6 6 0 0 1-6 6H44a6 6 0 0 1-6-6z" fill={C} />
      <path d="M38 74h44" {...line(B, 2.5)} />
      <path d="M60 74v7" {...line(B, 3)} />
      <path d="M42 42c2-6 6-9 12-10" {...line(C, 4)} />
    </>
  ),
  headphones: (
    <>
      <path d="M26 76V62c0-21 14-37 34-37s34 16 34 37v14" {...line(B, 7)} />
      <path d="M34 46c5-9 14-14 26-14" {...line(C, 3)} opacity=".7" />
      <rect x="18" y="64" width="20" height="34" rx="10" fill={A} />
      <rect x="82" y="64" width="20" height="34" rx="10" fill={A} />
      <rect x="32" y="67" width="9" height="28" rx="4.5" fill={B} />
      <rect x="79" y="67" width="9" height="28" rx="4.5" fill={B} />
      <path d="M24 74v13M96 74v13" {...line(C, 3)} />
    </>
  ),
  scarf: (
    <>
      <path d="M66 52l18 44-22 5-8-45z" fill={B} />
      <path d="M48 52l-10 48 24 2 8-46z" fill={A} />
      <path d="M44 72l24 3M42 82l24 3" {...line(C, 4)} />
      <path
        d="M40 100l-1 7M46 101l-1 7M52 101.500l-.5 7M58 102v7M68 100l1 7M74 98.500l2 7M80 97l2.500 7"
        {...line(B, 2.2)}
      />
      <path d="M28 40c0-13 15-20 32-20s32 7 32 20-15 20-32 20-32-7-32-20z" fill={A} />
      <path d="M44 37c0-5 7-8 16-8s16 3 16 8-7 7-16 7-16-2-16-7z" fill={B} />
      <path d="M36 48c12 9 36 9 48 0" {...line(C, 4)} />
    </>
  ),
  chair: (
    <>
      <path d="M40 62l-8 38M80 62l8 38M46 70l-2 28M76 70l2 28" {...line(B, 5)} />
      <path d="M38 30c0-9 8-12 22-12s22 3 22 12l-3 30H41z" fill={A} />
      <path d="M72 19c7 2 10 5 10 11l-3 30h-9c5-12 6-30 2-41z" fill={B} opacity=".55" />
      <path d="M50 27v27M60 26v28M70 27v27" {...line(C, 3)} />
      <path d="M32 60h56c5 0 6 11 0 11H32c-6 0-5-11 0-11z" fill={B} />
      <path d="M32 58h56c5 0 5 8 0 8H32c-5 0-5-8 0-8z" fill={A} />
    </>
  ),
  plant: (
    <>
      <path d="M60 74V40M60 66c-6-10-14-14-24-14M60 58c6-11 13-16 24-17" {...line("#4f6f52", 3)} />
      <path d="M60 42c-11-8-11-20 0-30 11 10 11 22 0 30z" fill="#6f9370" />
      <path d="M38 54c-13 2-21-4-24-16 13-2 22 3 24 16z" fill="#5d8161" />
      <path d="M82 42c0-13 7-20 20-20 1 13-6 21-20 20z" fill="#86a884" />
      <path d="M36 72h48l-6 26a5 5 0 0 1-5 4H47a5 5 0 0 1-5-4z" fill={A} />
      <path d="M70 72h14l-6 26a5 5 0 0 1-5 4h-8z" fill={B} />
      <rect x="32" y="66" width="56" height="10" rx="3" fill={C} />
    </>
  ),
  bottle: (
    <>
      <rect x="51" y="12" width="18" height="12" rx="3" fill={B} />
      <path d="M53 24h14v10c0 5 13 9 13 22v38a8 8 0 0 1-8 8H48a8 8 0 0 1-8-8V56c0-13 13-17 13-22z" fill={A} />
      <path d="M62 24h5v10c0 5 13 9 13 22v38a8 8 0 0 1-8 8h-6c6-24 6-58-4-78z" fill={B} opacity=".6" />
      <rect x="40" y="62" width="40" height="24" fill={C} />
      <path d="M48 70h24M52 77h16" {...line(B, 2)} />
      <path d="M47 55c1-5 4-8 7-11" {...line(C, 3)} />
    </>
  ),
  candle: (
    <>
      <path d="M60 14c8 9 8 17 0 20-8-3-8-11 0-20z" fill="#e9b44c" />
      <path d="M60 32v10" {...line("#4a4038", 2.2)} />
      <path d="M36 44h48v46a10 10 0 0 1-10 10H46a10 10 0 0 1-10-10z" fill={A} />
      <path d="M70 44h14v46a10 10 0 0 1-10 10h-8c5-10 6-40 4-56z" fill={B} opacity=".6" />
      <ellipse cx="60" cy="44" rx="24" ry="6" fill={C} />
      <rect x="44" y="62" width="26" height="20" rx="3" fill={C} />
      <path d="M49 69h16M49 75h10" {...line(B, 1.8)} />
    </>
  ),
  cushion: (
    <>
      <path d="M24 34c22 6 50 6 72 0 4 20 4 42 0 62-22-6-50-6-72 0-4-20-4-42 0-62z" fill={A} />
      <path d="M96 34c4 20 4 42 0 62-6-2-13-3-20-4 8-14 10-36 4-56 6 0 11-1 16-2z" fill={B} opacity=".5" />
      <path d="M36 50c16 4 32 4 48 0M34 65c18 3 34 3 52 0M36 80c16-3 32-3 48 0" {...line(C, 3.5)} />
      <path d="M24 34l-6-5M96 34l6-5M24 96l-6 5M96 96l6 5" {...line(B, 4)} />
    </>
  ),
  parcel: (
    <>
      <path d="M60 22l40 17v42L60 100 20 81V39z" fill={A} />
      <path d="M60 56l40-17v42L60 100z" fill={B} />
      <path d="M60 22l40 17-40 17-40-17z" fill={C} />
      <path d="M40 30.500l40 17v13l-8 3.400V51L32 34z" fill={B} opacity=".55" />
      <path d="M28 66l12 5M28 73l8 3.500" {...line(C, 2.4)} />
    </>
  ),
};

/** Defines the motifs that the page uses; invisible. */
export function ArtDefinitions({ products }: { readonly products: readonly ShopProduct[] }) {
  const used = [...new Set(products.filter(({ picture }) => picture === undefined).map(motifOf))];
  if (used.length === 0) return null;
  return (
    <svg class="definitions" width="0" height="0" aria-hidden="true" focusable="false">
      {used.map((motif) => (
        <symbol key={motif} id={`art-${motif}`} viewBox="0 0 120 120">
          {MOTIFS[motif]}
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
  return (
    <span class={`picture picture-${size} tone-${toneOf(product)}`}>
      <svg viewBox="0 0 120 120" aria-hidden="true" focusable="false">
        <circle cx="60" cy="58" r="47" class="halo" />
        <ellipse cx="60" cy="102" rx="36" ry="5" class="ground" />
        <use href={`#art-${motifOf(product)}`} />
      </svg>
    </span>
  );
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
