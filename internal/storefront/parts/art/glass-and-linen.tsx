// Glasses and cloths.
import { A, B, C, COFFEE, GLASS, GLASS_EDGE, line, OAK, OAK_SHADE } from "./shades.ts";

export const GLASS_AND_LINEN = {
  glasses: (
    <>
      <path
        d="M60 32h44l-4 56a8 8 0 0 1-8 7H72a8 8 0 0 1-8-7z"
        fill={GLASS}
        stroke={GLASS_EDGE}
        stroke-width="1.600"
        opacity=".85"
      />
      <path d="M66 46h32l-2 32c-2 10-26 10-28 0z" fill="#b88353" />
      <path d="M66 46h32l-.7 10H66.700z" fill="#f6e7d0" />
      <path d="M60 32h44" {...line(GLASS_EDGE, 3)} />
      <path
        d="M16 36h46l-4 58a8 8 0 0 1-8 7H28a8 8 0 0 1-8-7z"
        fill={GLASS}
        stroke={GLASS_EDGE}
        stroke-width="1.600"
      />
      <path d="M22 52h34l-2 33c-2 10-28 10-30 0z" fill="#c89463" />
      <path d="M23 68h32l-1 17c-2 10-28 10-30 0z" fill={COFFEE} />
      <path d="M22 52h34l-.5 8h-33z" fill="#f8ecd8" />
      <path d="M16 36h46" {...line(GLASS_EDGE, 3)} />
      <path d="M21 42l3 46M66 39l1 4M100 40l-3 42" {...line("#fff", 2.4)} />
      <path d="M26 97h26M72 91h20" {...line(GLASS_EDGE, 2)} />
    </>
  ),
  carafe: (
    <>
      <path
        d="M47 32h26v18c0 10 18 14 18 34 0 12-8 17-16 17H45c-8 0-16-5-16-17 0-20 18-24 18-34z"
        fill={GLASS}
        stroke={GLASS_EDGE}
        stroke-width="1.600"
      />
      <path
        d="M32 72c18-5 38 5 57 0 1 4 2 8 2 12 0 12-8 17-16 17H45c-8 0-16-5-16-17 0-4 1-8 3-12z"
        fill={A}
        opacity=".75"
      />
      <path d="M80 73c3 0 6 0 9-1 1 4 2 8 2 12 0 12-8 17-16 17h-8c9-6 14-15 13-28z" fill={B} opacity=".45" />
      <path d="M45 30h30" {...line(GLASS_EDGE, 3.5)} />
      <path d="M52 38v14c-3 7-11 12-14 21" {...line("#fff", 3)} />
      <circle cx="60" cy="21" r="12" fill={OAK} />
      <path d="M66 11a12 12 0 0 1-8 22c8-4 11-13 8-22z" fill={OAK_SHADE} opacity=".7" />
      <path d="M55 17h.1M60 22h.1M56 26h.1M62 15h.1" {...line(OAK_SHADE, 2.2)} />
      <circle cx="50" cy="84" r="6" fill="#f2d469" opacity=".9" />
      <circle cx="50" cy="84" r="3.500" fill="#faeab0" />
    </>
  ),
  "storage-glass": (
    <>
      <path
        d="M32 36h56v57a8 8 0 0 1-8 8H40a8 8 0 0 1-8-8z"
        fill={GLASS}
        stroke={GLASS_EDGE}
        stroke-width="1.600"
      />
      <path d="M35 58c8-4 14 2 22-1s18 3 28-1v36a6 6 0 0 1-6 6H41a6 6 0 0 1-6-6z" fill="#d9b98a" />
      <path
        d="M42 66h.1M50 64h.1M60 66h.1M70 63h.1M79 66h.1M45 74h.1M55 73h.1M66 73h.1M75 74h.1M41 82h.1M51 83h.1M61 81h.1M71 83h.1M79 81h.1M46 91h.1M57 91h.1M67 90h.1M76 91h.1"
        {...line("#b98f58", 4.5)}
      />
      <path d="M40 42v48" {...line("#fff", 4)} opacity=".85" />
      <path d="M34 33h52v6H34z" fill={GLASS_EDGE} />
      <path d="M30 18h60v14a3 3 0 0 1-3 3H33a3 3 0 0 1-3-3z" fill={OAK} />
      <path d="M76 18h14v14a3 3 0 0 1-3 3H76z" fill={OAK_SHADE} opacity=".75" />
      <path d="M30 18c0-5 60-5 60 0-2 3-58 3-60 0z" fill="#dfc294" />
      <path d="M38 26h26M44 30h30" {...line(OAK_SHADE, 1.4)} opacity=".7" />
    </>
  ),
  towels: (
    <>
      <path d="M20 78h72a11.500 11.500 0 0 1 0 23H20c6-7 6-16 0-23z" fill={A} />
      <path d="M24 94h69a11 11 0 0 0 9-7 11.500 11.500 0 0 1-10 14H20c2-2 3-4 4-7z" fill={B} opacity=".6" />
      <path d="M24 86h66" {...line(B, 1.6)} opacity=".8" />
      <path
        d="M30 78h5c4 7 4 16 0 23h-5c4-7 4-16 0-23zM39 78h3c4 7 4 16 0 23h-3c4-7 4-16 0-23z"
        fill="#5f7f98"
      />
      <path d="M24 55h66a11.500 11.500 0 0 1 0 23H24c6-7 6-16 0-23z" fill={C} />
      <path d="M28 71h63a11 11 0 0 0 9-7 11.500 11.500 0 0 1-10 14H24c2-2 3-4 4-7z" fill={B} opacity=".45" />
      <path d="M28 63h60" {...line(B, 1.6)} opacity=".8" />
      <path
        d="M68 55h5c4 7 4 16 0 23h-5c4-7 4-16 0-23zM77 55h3c4 7 4 16 0 23h-3c4-7 4-16 0-23z"
        fill="#b9705f"
      />
      <path d="M34 55c-4-16 14-16 12-4" {...line(B, 2.6)} />
    </>
  ),
  apron: (
    <>
      <path d="M46 34c-6-26 34-26 28 0" {...line(B, 3.5)} />
      <path d="M32 62c-10 0-14 5-16 12M88 62c10 0 14 5 16 12" {...line(B, 3.5)} />
      <path d="M44 32h32c0 14 4 22 16 26v36c0 6-64 6-64 0V58c12-4 16-12 16-26z" fill={A} />
      <path d="M70 32h6c0 14 4 22 16 26v36c0 3-12 4.400-25 4.500 8-20 8-46 3-66.500z" fill={B} opacity=".5" />
      <path d="M44 32h32v6H44z" fill={B} />
      <path d="M42 64h36v19a5 5 0 0 1-5 5H47a5 5 0 0 1-5-5z" fill={B} opacity=".7" />
      <path d="M42 67h36M60 67v21" {...line(C, 1.6)} stroke-dasharray="3 3" />
      <path d="M33 62v30" {...line(C, 2.5)} opacity=".6" />
    </>
  ),
  napkins: (
    <>
      <path d="M18 84l42-16 44 15-42 18z" fill={B} />
      <path d="M18 76l42-16 44 15v7L62 99 18 83z" fill={A} />
      <path d="M18 68l42-16 44 15v7L62 91 18 75z" fill={B} />
      <path d="M18 60l42-16 44 15v8L62 84 18 67z" fill={A} />
      <path d="M62 77l42-18v8L62 84z" fill={B} opacity=".5" />
      <path d="M18 60l42-16 44 15-42 18z" fill={C} />
      <path d="M27 60l33-12.500 34 11.500-32 14z" {...line(A, 1.8)} />
      <path d="M39 52l43 16v30M78 51L40 68v24" {...line(B, 3.5)} opacity=".8" />
      <path
        d="M60 59c-9-10-18-6-14-1 3 3 9 3 14 1 5 2 11 2 14-1 4-5-5-9-14 1zM58 60l-6 8M62 60l6 8"
        {...line(B, 3)}
      />
    </>
  ),
  runner: (
    <>
      <path d="M28 84v17M92 84v17" {...line(OAK_SHADE, 6)} />
      <path d="M10 64l22-20h56l22 20z" fill={OAK} />
      <path d="M10 64h100v9H10z" fill={OAK_SHADE} />
      <path d="M47 44h26l8 20H39z" fill={C} />
      <path d="M39 64h42v28H39z" fill={A} />
      <path d="M69 64h12v28H69z" fill={B} opacity=".4" />
      <path d="M51 44l-6 20v28M69 44l6 20v28" {...line(B, 2)} opacity=".7" />
      <path d="M41 92v6M47 92v6M53 92v6M59 92v6M65 92v6M71 92v6M78 92v6" {...line(B, 2.2)} />
      <path d="M54 34h13l2 9c1 8-18 8-17 0z" fill="#8a9a93" />
      <path
        d="M60 34V20M60 28c-5-2-7-6-7-10 5 1 7 5 7 10zM61 26c0-6 3-10 8-11 0 6-3 10-8 11z"
        {...line("#6f9370", 2)}
      />
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
};
