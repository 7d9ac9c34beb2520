// Tea and coffee in their packs. The label has room for a mark (marks.tsx) around 60, 73.
import { A, B, C, line, OAK, OAK_SHADE, PAPER } from "./shades.ts";

export const PACKS = {
  tin: (
    <>
      <path d="M33 42h54v52c0 8-54 8-54 0z" fill={A} />
      <path d="M75 42h12v52c0 3-5 5-13 5.600z" fill={B} opacity=".5" />
      <path d="M33 58c10 5 44 5 54 0v30c-10 5-44 5-54 0z" fill={C} />
      <path d="M75 61c5-.7 9-1.700 12-3v30c-3 1.500-7 2.500-12 3.200z" fill={B} opacity=".16" />
      <path d="M30 30c0-8 60-8 60 0v14c0 8-60 8-60 0z" fill={B} />
      <ellipse cx="60" cy="30" rx="30" ry="6" fill={A} />
      <ellipse cx="60" cy="29" rx="22" ry="3.500" fill={C} opacity=".45" />
      <path d="M37 39v6" {...line(C, 3)} opacity=".6" />
    </>
  ),
  "low-tin": (
    <>
      <path d="M32 66h56v26c0 9-56 9-56 0z" fill={A} />
      <path d="M76 66h12v26c0 3-5 5-12 6z" fill={B} opacity=".5" />
      <path d="M28 54c0-9 64-9 64 0v13c0 9-64 9-64 0z" fill={B} />
      <ellipse cx="60" cy="54" rx="32" ry="8" fill={A} />
      <ellipse cx="60" cy="53.500" rx="25" ry="5.500" fill={C} />
      <path d="M60 57c-2-4-8-6-13-4 3 4 8 5 13 4zM60 57c0-4 5-7 11-6-1 5-6 7-11 6z" fill={B} />
      <path d="M36 64v6M38 82v8" {...line(C, 3)} opacity=".6" />
    </>
  ),
  "coffee-bag": (
    <>
      <path d="M36 32h48l4 64a5 5 0 0 1-5 5H37a5 5 0 0 1-5-5z" fill={A} />
      <path d="M75 32h9l4 64a5 5 0 0 1-5 5h-8c4-20 4-49 0-69z" fill={B} opacity=".5" />
      <path d="M39 19h42l3 15H36z" fill={B} />
      <path d="M34 32h52v6H34z" fill={C} />
      <circle cx="60" cy="47" r="3" fill={B} />
      <rect x="43" y="56" width="34" height="34" rx="3" fill={C} />
    </>
  ),
  "coffee-sack": (
    <>
      <path d="M28 28h60l6 67a6 6 0 0 1-6 6H28a6 6 0 0 1-6-6z" fill={A} />
      <path d="M76 28h12l6 67a6 6 0 0 1-6 6h-8c5-22 3-52-4-73z" fill={B} opacity=".5" />
      <path d="M31 10h54l3 20H28z" fill={B} />
      <path d="M26 28h64v7H26z" fill={C} />
      <path d="M36 15h44" {...line(A, 2.5)} />
      <circle cx="60" cy="45" r="3.500" fill={B} />
      <rect x="38" y="53" width="40" height="40" rx="3" fill={C} />
      <path d="M30 44l-2 34" {...line(C, 3)} opacity=".5" />
    </>
  ),
  "gift-set": (
    <>
      <path d="M31 30h18v30H31z" fill="#7d9a6f" />
      <path d="M51 24h18v36H51z" fill="#c8694a" />
      <path d="M71 30h18v30H71z" fill="#4f7f9d" />
      <path d="M31 40h18v11H31zM51 35h18v13H51zM71 40h18v11H71z" fill={PAPER} />
      <path d="M29 26h22v7H29zM69 26h22v7H69z" fill={OAK} />
      <path d="M49 20h22v7H49z" fill={OAK_SHADE} />
      <path d="M20 56h80v39a6 6 0 0 1-6 6H26a6 6 0 0 1-6-6z" fill={A} />
      <path d="M86 56h14v39a6 6 0 0 1-6 6h-8z" fill={B} opacity=".45" />
      <path d="M20 56h80v5H20z" fill={B} opacity=".6" />
      <path d="M54 56h12v45H54z" fill={C} />
      <path d="M60 74c-8-12-20-10-18-3 1 5 10 6 18 3 8 3 17 2 18-3 2-7-10-9-18 3z" fill={C} />
      <path d="M60 74c-6-6-12-7-14-4M60 74c6-6 12-7 14-4M57 76l-5 12M63 76l5 12" {...line(B, 2)} />
    </>
  ),
};
