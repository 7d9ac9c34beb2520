// What coffee and tea are made with, and what else lies in a kitchen.
import {
  A,
  B,
  C,
  COFFEE,
  GLASS,
  GLASS_EDGE,
  line,
  OAK,
  OAK_SHADE,
  PAPER,
  STEEL,
  STEEL_LIGHT,
  STEEL_SHADE,
} from "./shades.ts";

const INK = "#3a3f42";

export const KITCHENWARE = {
  kettle: (
    <>
      <path d="M80 50c8-14 26-10 26 6v24c0 6-7 6-7 0V60c0-6-6-8-13-2z" fill={OAK_SHADE} />
      <path d="M44 88C22 88 30 58 20 42c-2-4-6-4-10-3" {...line(B, 5.5)} />
      <path d="M44 88C24 88 32 58 22 42c-2-3-6-4-10-3" {...line(A, 2.5)} />
      <path d="M46 46h32l16 47a6 6 0 0 1-6 8H38a6 6 0 0 1-6-8z" fill={A} />
      <path d="M70 46h8l16 47a6 6 0 0 1-6 8H76c4-18 1-38-6-55z" fill={B} opacity=".55" />
      <path d="M50 56l-9 28" {...line(C, 4)} />
      <path d="M46 47a16 7 0 0 1 32 0z" fill={B} />
      <path d="M62 36v-4" {...line(B, 3)} />
      <circle cx="62" cy="30" r="5" fill={OAK_SHADE} />
      <path d="M34 93h56" {...line(B, 2)} opacity=".5" />
    </>
  ),
  grinder: (
    <>
      <path d="M60 26V16h32" {...line(STEEL_SHADE, 4.5)} />
      <path d="M88 8h9a3 3 0 0 1 3 3v10a3 3 0 0 1-3 3h-9z" fill={OAK} />
      <path d="M93 8h4a3 3 0 0 1 3 3v10a3 3 0 0 1-3 3h-4z" fill={OAK_SHADE} />
      <path d="M42 28a18 7 0 0 1 36 0z" fill={STEEL_LIGHT} />
      <path d="M40 28h40v36H40z" fill={STEEL} />
      <path d="M68 28h12v36H68z" fill={STEEL_SHADE} />
      <path d="M46 33v26" {...line(STEEL_LIGHT, 4)} />
      <path d="M38 58h44v9H38z" fill={INK} />
      <path d="M40 67h40v29a5 5 0 0 1-5 5H45a5 5 0 0 1-5-5z" fill={A} />
      <path d="M68 67h12v29a5 5 0 0 1-5 5h-9c2-10 3-22 2-34z" fill={B} opacity=".55" />
      <path d="M47 74v18" {...line(C, 4)} />
      <path d="M42 62.500h2M50 62.500h2M58 62.500h2M66 62.500h2M74 62.500h2" {...line(STEEL, 2)} />
    </>
  ),
  dripper: (
    <>
      <path d="M40 78h40v19a5 5 0 0 1-5 5H45a5 5 0 0 1-5-5z" fill={GLASS} opacity=".9" />
      <path d="M40 90h40v7a5 5 0 0 1-5 5H45a5 5 0 0 1-5-5z" fill={COFFEE} />
      <path d="M60 78v12" {...line(COFFEE, 2)} />
      <path d="M45 82v13" {...line("#fff", 2.5)} opacity=".7" />
      <path d="M84 42c20-3 18 25-6 22" {...line(B, 6)} />
      <path d="M26 32h68L72 72H48z" fill={A} />
      <path d="M78 32h16L72 72H61c9-12 15-26 17-40z" fill={B} opacity=".5" />
      <path d="M40 42c3 10 8 19 13 26M54 43c0 9 2 17 5 25" {...line(C, 3)} />
      <ellipse cx="60" cy="32" rx="34" ry="7.500" fill={C} />
      <ellipse cx="60" cy="33" rx="29" ry="5.500" fill={COFFEE} />
      <path d="M31 32c2-6 12-9 29-9s27 3 29 9c-7 4-18 5-29 5s-22-1-29-5z" fill={PAPER} />
      <ellipse cx="60" cy="32" rx="22" ry="4" fill={COFFEE} />
      <path d="M32 71h56v4c0 6-56 6-56 0z" fill={A} />
      <path d="M74 71h14v4c0 3-6 4-14 4.500z" fill={B} opacity=".6" />
    </>
  ),
  filters: (
    <>
      <path d="M24 40h76L80 92c-2 6-28 6-30 0z" fill={B} opacity=".8" />
      <path d="M20 37h76L76 90c-2 6-28 6-30 0z" fill={C} />
      <path d="M18 34h76L74 88c-2 6-28 6-30 0z" fill={PAPER} />
      <path d="M18 34h76l-3 8c-20 5-50 5-70 0z" fill={C} />
      <path d="M82 38l-15 52c4-.3 6-1 7-2l20-54z" fill={B} opacity=".3" />
      <path d="M30 48l14 38" {...line(B, 1.6)} stroke-dasharray="2 4" />
      <path d="M46 86c8 4 20 4 28 0" {...line(B, 1.6)} stroke-dasharray="2 4" />
      <path d="M54 54h20M57 61h13" {...line(B, 2.4)} opacity=".7" />
    </>
  ),
  "french-press": (
    <>
      <path d="M60 34V16" {...line(STEEL_SHADE, 3.5)} />
      <circle cx="60" cy="14" r="6" fill={OAK_SHADE} />
      <path d="M80 46h12a7 7 0 0 1 7 7v30a7 7 0 0 1-7 7H80" {...line(OAK_SHADE, 6)} />
      <path d="M38 36h44v60a5 5 0 0 1-5 5H43a5 5 0 0 1-5-5z" fill={A} />
      <path d="M70 36h12v60a5 5 0 0 1-5 5h-9c3-20 4-44 2-65z" fill={B} opacity=".55" />
      <path d="M46 50v38" {...line(C, 5)} />
      <path d="M38 40l-9-5 9-3z" fill={B} />
      <path d="M34 33a26 8 0 0 1 52 0v7H34z" fill={B} />
      <path d="M42 31c5-3 10-4 16-4" {...line(C, 3)} opacity=".8" />
      <path d="M38 46h44M38 92h44" {...line(B, 2)} opacity=".6" />
    </>
  ),
  "moka-pot": (
    <>
      <path d="M78 32h16l4 6-5 32-7-2 3-26H80z" fill={OAK_SHADE} />
      <path d="M42 28L26 20l5 16 12 8z" fill={B} />
      <path d="M40 28h42l-5 36H45z" fill={A} />
      <path d="M52 28h14l-1 36h-9z" fill={C} opacity=".8" />
      <path d="M72 28h10l-5 36h-8z" fill={B} opacity=".6" />
      <path d="M38 29l23-12 23 12z" fill={B} />
      <path d="M38 29l23-12v12z" fill={A} />
      <path d="M58 17v-4h6v4z" fill={OAK_SHADE} />
      <circle cx="61" cy="11" r="4.500" fill={OAK_SHADE} />
      <path d="M43 63h36v7H43z" fill={B} />
      <path d="M43 70h36l8 28a3 3 0 0 1-3 3H38a3 3 0 0 1-3-3z" fill={A} />
      <path d="M55 70h13l2 31H52z" fill={C} opacity=".8" />
      <path d="M73 70h6l8 28a3 3 0 0 1-3 3h-8z" fill={B} opacity=".6" />
      <circle cx="44" cy="82" r="2.600" fill="#c9a24a" />
    </>
  ),
  "tea-whisk": (
    <>
      <path d="M49 14h22v30H49z" fill={A} />
      <path d="M63 14h8v30h-8z" fill={B} opacity=".55" />
      <path d="M47 14c0-5 26-5 26 0v3c0 3-26 3-26 0z" fill={C} />
      <path d="M54 22v18" {...line(C, 2.5)} />
      <path d="M49 44h22l14 50c1 5-6 8-25 8s-26-3-25-8z" fill={B} opacity=".75" />
      <path
        d="M51 48L38 92M53 48L43 96M55 48l-6 50M58 48l-3 51M61 48v52M64 48l3 51M66 48l6 50M68 48l9 48M69 48l13 44"
        {...line(A, 2.4)}
      />
      <path d="M54 50L46 92M60 52v44" {...line(C, 1.6)} opacity=".8" />
      <path d="M48 50c7 3 17 3 24 0M47 56c8 3 18 3 26 0" {...line(INK, 2)} />
    </>
  ),
  scoop: (
    <>
      <g transform="rotate(-38 60 60)">
        <path d="M58 53h52a5 5 0 0 1 5 5v4a5 5 0 0 1-5 5H58z" fill={A} />
        <path d="M58 61h57v1a5 5 0 0 1-5 5H58z" fill={B} opacity=".6" />
        <circle cx="107" cy="60" r="2.500" fill={B} />
      </g>
      <path d="M12 70h56c2 20-10 31-28 31S10 90 12 70z" fill={A} />
      <path d="M56 70h12c2 20-10 31-28 31h-5c14-3 22-14 21-31z" fill={B} opacity=".55" />
      <ellipse cx="40" cy="70" rx="28" ry="8" fill={C} />
      <ellipse cx="40" cy="70" rx="24" ry="6" fill={B} />
      <g fill="#7d5439">
        <ellipse cx="30" cy="69" rx="6" ry="4" transform="rotate(-20 30 69)" />
        <ellipse cx="42" cy="66" rx="6" ry="4" transform="rotate(15 42 66)" />
        <ellipse cx="51" cy="70" rx="6" ry="4" transform="rotate(-30 51 70)" />
        <ellipse cx="38" cy="72" rx="6" ry="3.600" />
        <ellipse cx="82" cy="98" rx="6" ry="4" transform="rotate(-20 82 98)" />
        <ellipse cx="96" cy="100" rx="6" ry="4" transform="rotate(25 96 100)" />
      </g>
      <path d="M39 66c2-1 4 1 6 0M79 99c2-2 4 0 6-2M93 99c2-1 4 2 6 2" {...line(COFFEE, 1.4)} />
    </>
  ),
  infuser: (
    <>
      <path d="M26 46c-12-2-18 4-18 12M94 46c12-2 18 4 18 12" {...line(B, 5)} />
      <path d="M32 46h56l-5 48c-1 9-45 9-46 0z" fill={A} />
      <path d="M76 46h12l-5 48c0 3-5 5-11 6 5-16 6-36 4-54z" fill={B} opacity=".55" />
      <g {...line(B, 2.4)} stroke-dasharray=".1 6.400">
        <path d="M40 60h42M41 68h40M40 76h40M42 84h36M44 92h32" />
      </g>
      <path d="M40 58l3 28" {...line(C, 3)} opacity=".8" />
      <ellipse cx="60" cy="46" rx="36" ry="8" fill={B} />
      <ellipse cx="60" cy="44" rx="36" ry="8" fill={C} />
      <ellipse cx="60" cy="44.500" rx="27" ry="5" fill="#5f7a4e" />
      <path d="M42 44c4-3 8-2 10 1M56 43c4-2 8-1 10 2M70 45c3-2 6-2 8 0" {...line("#93ad7d", 2.4)} />
    </>
  ),
  scale: (
    <>
      <path d="M44 38h32l-4 16 7 15a4 4 0 0 1-4 5H45a4 4 0 0 1-4-5l7-15z" fill={GLASS} />
      <path d="M43 64h34l2 5a4 4 0 0 1-4 5H45a4 4 0 0 1-4-5z" fill={COFFEE} />
      <path d="M44 38h32l-1 5H45z" fill={GLASS_EDGE} />
      <path d="M50 48c0 5-3 9-4 13" {...line("#fff", 2.5)} />
      <path d="M78 46c14-2 14 20 0 20" {...line(GLASS_EDGE, 4)} />
      <rect x="28" y="74" width="64" height="7" rx="2" fill={STEEL} />
      <path d="M76 74h14a2 2 0 0 1 2 2v3a2 2 0 0 1-2 2H76z" fill={STEEL_SHADE} />
      <rect x="16" y="80" width="88" height="21" rx="5" fill={A} />
      <path d="M86 80h13a5 5 0 0 1 5 5v11a5 5 0 0 1-5 5H86z" fill={B} opacity=".55" />
      <rect x="24" y="85" width="54" height="11" rx="2" fill="#1d2426" />
      <path d="M28 88v5M33 88h3v2.500h-3V93h3M40 93h.1M44 88v2.500h3M47 88v5" {...line("#bfe6d2", 1.6)} />
      <path d="M56 88h3v5h-3zM63 89.500h.1M63 92h.1M67 88h3v2.500h-3V93h3" {...line("#bfe6d2", 1.6)} />
      <circle cx="91" cy="90.500" r="3.500" fill={C} opacity=".8" />
    </>
  ),
  board: (
    <g transform="rotate(8 60 60)">
      <path
        d="M53 12h14a6 6 0 0 1 6 6v18h9a9 9 0 0 1 9 9v50a9 9 0 0 1-9 9H38a9 9 0 0 1-9-9V45a9 9 0 0 1 9-9h9V18a6 6 0 0 1 6-6z"
        fill={B}
      />
      <path
        d="M50 10h14a6 6 0 0 1 6 6v18h9a9 9 0 0 1 9 9v50a9 9 0 0 1-9 9H35a9 9 0 0 1-9-9V43a9 9 0 0 1 9-9h9V16a6 6 0 0 1 6-6z"
        fill={A}
      />
      <circle cx="57" cy="20" r="4" fill={B} />
      <path
        d="M37 42v50M48 40c-2 18 3 34 0 54M62 42c4 16-4 34 1 52M76 40c-2 20 2 36 0 52"
        {...line(B, 1.8)}
        opacity=".75"
      />
      <path d="M55 64c3-7 6-7 8 0 1 8-8 8-8 0z" {...line(B, 1.6)} opacity=".75" />
      <path d="M31 46v36" {...line(C, 3)} opacity=".6" />
    </g>
  ),
  knife: (
    <>
      <path
        d="M24 96c-12-2-14-16-14-24 0-13 12-18 26-18h26c14 0 24 5 24 16 0 6-4 8-4 12v14z"
        fill="#d2a063"
      />
      <path d="M62 54c14 0 24 5 24 16 0 6-4 8-4 12v14H68V82c0-4 4-6 4-12 0-8-4-13-10-16z" fill="#f6e3bf" />
      <path d="M24 62l6 10M37 59l6 11M50 58l5 11" {...line("#f3d9a9", 3)} />
      <g transform="rotate(-33 60 60)">
        <path
          d="M14 52h62v17l-4-3-4 3-4-3-4 3-4-3-4 3-4-3-4 3-4-3-4 3-4-3-4 3C22 69 15 63 14 52z"
          fill={STEEL_LIGHT}
        />
        <path d="M14 52h62v5H15z" fill={STEEL} />
        <path d="M76 51h36c5 0 6 4 6 9 0 6-3 9-7 8-10-4-24-1-35 1z" fill={A} />
        <path d="M76 61c12-2 28-4 42 0-1 5-3 8-7 7-10-4-24-1-35 1z" fill={B} opacity=".6" />
        <path d="M86 58h.1M98 58h.1M109 59h.1" {...line(C, 3.4)} />
      </g>
    </>
  ),
  mortar: (
    <>
      <g transform="rotate(34 74 40)">
        <path d="M69 8a6 6 0 0 1 12 0l3 52H66z" fill={B} />
        <path d="M69 8a6 6 0 0 1 6-6l-2 58h-7z" fill={A} />
      </g>
      <ellipse cx="58" cy="52" rx="38" ry="9" fill={C} />
      <ellipse cx="58" cy="52.500" rx="31" ry="6" fill={B} />
      <path d="M20 53c16 11 60 11 76 0 1 21-8 33-18 38l5 10H33l5-10C28 86 19 74 20 53z" fill={A} />
      <path d="M82 58c6-1 11-3 14-5 1 21-8 33-18 38l5 10H68c10-10 15-26 14-43z" fill={B} opacity=".5" />
      <path
        d="M30 66h.1M40 72h.1M36 82h.1M50 68h.1M48 84h.1M60 76h.1M70 68h.1M66 88h.1M78 78h.1M46 95h.1M58 96h.1"
        {...line(C, 3)}
      />
      <path d="M34 74h.1M54 78h.1M44 64h.1M72 82h.1M64 66h.1M56 88h.1" {...line(B, 2.6)} />
    </>
  ),
  utensils: (
    <>
      <path d="M48 58L38 22" {...line(OAK_SHADE, 4)} />
      <ellipse cx="36" cy="18" rx="8" ry="11" fill={OAK} transform="rotate(-14 36 18)" />
      <path d="M61 58V34" {...line(OAK, 4)} />
      <path d="M52 10h18l-2 24H54z" fill={OAK_SHADE} />
      <path d="M73 58l10-30" {...line(OAK, 4)} />
      <path d="M83 30c-7-4-3-20 6-22 8 4 5 20-6 22z" {...line(STEEL_SHADE, 2.4)} />
      <path d="M84 29c-2-7 1-16 5-21" {...line(STEEL_SHADE, 2)} />
      <path d="M34 54h52l-4 42a6 6 0 0 1-6 5H44a6 6 0 0 1-6-5z" fill={A} />
      <path d="M75 54h11l-4 42a6 6 0 0 1-6 5h-9c6-12 9-30 8-47z" fill={B} opacity=".5" />
      <ellipse cx="60" cy="54" rx="26" ry="5" fill={C} />
      <path d="M37 68c14 4 32 4 46 0M38 75c14 4 30 4 44 0" {...line(C, 2.4)} opacity=".7" />
    </>
  ),
};
