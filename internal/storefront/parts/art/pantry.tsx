// What is eaten with tea and coffee.
import { A, B, C, GLASS, GLASS_EDGE, line, OAK, OAK_SHADE, PAPER } from "./shades.ts";

export const PANTRY = {
  honey: (
    <>
      <path
        d="M30 40h54l4 10v43a8 8 0 0 1-8 8H34a8 8 0 0 1-8-8V50z"
        fill={GLASS}
        stroke={GLASS_EDGE}
        stroke-width="1.600"
      />
      <path d="M29 50h56v41a7 7 0 0 1-7 7H36a7 7 0 0 1-7-7z" fill={A} />
      <path d="M73 50h12v41a7 7 0 0 1-7 7h-9c4-14 5-32 4-48z" fill={B} opacity=".5" />
      <rect x="38" y="58" width="38" height="30" rx="3" fill={PAPER} />
      <path
        d="M50 63l6 3.500v7l-6 3.500-6-3.500v-7zM62 63l6 3.500v7l-6 3.500-6-3.500v-7zM56 73.500l6 3.500v5l-6 3.500-6-3.500v-5z"
        {...line(B, 2)}
      />
      <path d="M33 54v34" {...line(C, 3)} opacity=".8" />
      <path d="M28 26h58v13a4 4 0 0 1-4 4H32a4 4 0 0 1-4-4z" fill={OAK} />
      <path d="M74 26h12v13a4 4 0 0 1-4 4h-8z" fill={OAK_SHADE} opacity=".75" />
      <path d="M28 26c0-5 58-5 58 0-2 3-56 3-58 0z" fill="#dfc294" />
      <path d="M98 100c9-8 10-22 4-34" {...line(OAK_SHADE, 3.5)} />
      <ellipse cx="99" cy="58" rx="8" ry="11" fill={OAK} transform="rotate(-16 99 58)" />
      <path d="M91 57l14-4M92 62l15-4M93 52l11-3" {...line(OAK_SHADE, 2)} />
    </>
  ),
  chocolate: (
    <g transform="rotate(9 60 60)">
      <rect x="36" y="10" width="48" height="50" rx="3" fill="#5a3826" />
      <path d="M36 26h48M36 42h48M52 10v50M68 10v50" {...line("#41261a", 2.4)} />
      <path d="M40 14h8M56 14h8M72 14h8M40 30h8M56 30h8M72 30h8" {...line("#7d5540", 2)} />
      <path d="M32 46l7-5 7 5 7-5 7 5 7-5 7 5 7-5 7 5v12H32z" fill="#d8dad5" />
      <path d="M32 52h56v48a4 4 0 0 1-4 4H36a4 4 0 0 1-4-4z" fill={A} />
      <path d="M77 52h11v48a4 4 0 0 1-4 4h-8z" fill={B} opacity=".55" />
      <rect x="41" y="62" width="38" height="28" rx="2" fill={C} />
      <path d="M60 66c7 3 9 9 6 15-2 3-4 4-6 4s-4-1-6-4c-3-6-1-12 6-15z" fill={B} />
      <path d="M60 68v15" {...line(C, 1.8)} />
      <path d="M38 98h38" {...line(C, 2.4)} opacity=".7" />
    </g>
  ),
  biscuits: (
    <>
      <g fill={B}>
        <path d="M14 92c4-12 34-14 46-8 6 3 5 15-2 16H18c-5 0-6-4-4-8z" />
        <path d="M62 92c4-12 34-14 42-8 6 3 5 15-2 16H66c-5 0-6-4-4-8z" />
        <path d="M36 68c4-12 36-14 48-8 6 3 5 17-2 18H40c-5 0-6-5-4-10z" />
      </g>
      <path d="M14 88c4-12 34-14 46-8 5 3 4 12-3 13H18c-5 0-6-2-4-5z" fill={A} />
      <path d="M62 88c4-12 34-14 42-8 5 3 4 12-3 13H66c-5 0-6-2-4-5z" fill={A} />
      <path d="M36 64c4-12 36-14 48-8 5 3 4 14-3 15H40c-5 0-6-4-4-7z" fill={A} />
      <path d="M40 62c6-7 28-8 38-5M19 86c5-6 20-7 30-6M67 86c5-6 18-7 26-6" {...line(C, 3)} />
      <g fill={PAPER}>
        <ellipse cx="52" cy="66" rx="7" ry="3.200" transform="rotate(-14 52 66)" />
        <ellipse cx="70" cy="64" rx="6" ry="3" transform="rotate(18 70 64)" />
        <ellipse cx="32" cy="88" rx="6" ry="2.800" transform="rotate(-14 32 88)" />
        <ellipse cx="82" cy="88" rx="6" ry="2.800" transform="rotate(10 82 88)" />
      </g>
      <path d="M60 46c-9-4-12-13-7-23 10 4 13 14 7 23z" fill="#b9814d" />
      <path d="M60 46c-2-8-4-14-7-23 10 4 13 14 7 23z" fill="#96653a" />
      <path d="M76 48c-4-8 0-16 9-20 4 9 1 17-9 20z" fill="#b9814d" />
    </>
  ),
  sugar: (
    <>
      <path d="M16 64c18 9 70 9 88 0-2 20-16 30-30 34H46C32 94 18 84 16 64z" fill={A} />
      <path d="M88 68c6-1 12-2 16-4-2 20-16 30-30 34H62c16-6 26-16 26-30z" fill={B} opacity=".5" />
      <path d="M48 97h24l-2 5H50z" fill={B} opacity=".6" />
      <g fill="#c98a45">
        <path d="M22 66l4-14 14-4 8 8-2 14z" />
        <path d="M72 70l-2-16 12-9 14 8 3 13z" />
        <path d="M46 72l-4-20 16-14 18 8 2 18-8 8z" />
      </g>
      <g fill="#97592a" opacity=".8">
        <path d="M40 48l8 8-2 14-6 0z" />
        <path d="M82 45l14 8 3 13-13 2z" />
        <path d="M58 38l18 8 2 18-8 8-10 0 4-20z" />
      </g>
      <path d="M45 53l13-11 6 10-8 8zM28 54l10-3 3 6-8 4zM74 56l8-6 2 7-6 5z" fill="#fff" opacity=".55" />
      <path d="M16 64c18 9 70 9 88 0l-1 6c-20 8-66 8-86 0z" fill={C} />
      <path d="M94 98l4-9 9-1 3 7-5 6z" fill="#c98a45" />
      <path d="M107 88l3 7-5 6-6-1z" fill="#97592a" opacity=".8" />
    </>
  ),
  jam: (
    <>
      <path
        d="M30 46h60v46a9 9 0 0 1-9 9H39a9 9 0 0 1-9-9z"
        fill={GLASS}
        stroke={GLASS_EDGE}
        stroke-width="1.600"
      />
      <path d="M33 52h54v39a7 7 0 0 1-7 7H40a7 7 0 0 1-7-7z" fill={A} />
      <path d="M75 52h12v39a7 7 0 0 1-7 7h-9c4-14 5-30 4-46z" fill={B} opacity=".5" />
      <path
        d="M24 48l10-26c4-6 48-6 52 0l10 26c-4 4-7-2-11 1s-7-2-12 1-8-2-13 0-8 2-13 0-8 2-12-1-7 3-11-1z"
        fill={C}
      />
      <path
        d="M40 21l-6 26M54 18l-2 30M67 18l2 30M80 21l6 26M32 29c16-4 40-4 56 0"
        {...line(A, 2.4)}
        opacity=".75"
      />
      <path d="M34 38c16-5 36-5 52 0" {...line(B, 3.5)} />
      <rect x="42" y="58" width="36" height="30" rx="3" fill={C} />
      <path d="M60 66c8-5 13 0 12 7-1 6-5 10-12 10s-11-4-12-10c-1-7 4-12 12-7z" fill={B} />
      <path d="M60 66c0-3 1-5 4-6" {...line("#4f6f52", 2)} />
      <path d="M37 56v30" {...line("#fff", 2.5)} opacity=".7" />
    </>
  ),
};
