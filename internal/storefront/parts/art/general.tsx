// Things of other shops than the demo's, and the parcel of a product that no word describes.
import { A, B, C, LEAF, LEAF_SHADE, line } from "./shades.ts";

export const GENERAL = {
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
  plant: (
    <>
      <path d="M60 74V40M60 66c-6-10-14-14-24-14M60 58c6-11 13-16 24-17" {...line(LEAF_SHADE, 3)} />
      <path d="M60 42c-11-8-11-20 0-30 11 10 11 22 0 30z" fill={LEAF} />
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
