// Cups, mugs, bowls, plates, pots and vases.
import { A, B, C, COFFEE, LEAF_SHADE, line, OAK, OAK_SHADE } from "./shades.ts";

export const CERAMICS = {
  mug: (
    <>
      <path d="M48 33c-4-5 4-8 0-14M62 33c-4-5 4-8 0-14" {...line(B, 2.5)} opacity=".45" />
      <path d="M80 54h5a13 13 0 0 1 0 26h-6" {...line(B, 7)} />
      <path d="M28 42h54v44a15 15 0 0 1-15 15H43a15 15 0 0 1-15-15z" fill={A} />
      <path d="M69 42h13v44a15 15 0 0 1-15 15h-8c8-4 10-10 10-19z" fill={B} opacity=".5" />
      <path d="M28 85c16 4 38 4 54 0v1a15 15 0 0 1-15 15H43a15 15 0 0 1-15-15z" fill={C} opacity=".8" />
      <ellipse cx="55" cy="42" rx="27" ry="6.500" fill={C} />
      <ellipse cx="55" cy="43" rx="22.500" ry="4.500" fill={COFFEE} />
    </>
  ),
  "espresso-cup": (
    <>
      <path d="M54 43c-4-5 4-8 0-13M66 43c-4-5 4-8 0-13" {...line(B, 2.5)} opacity=".45" />
      <ellipse cx="60" cy="95" rx="40" ry="7.500" fill={B} />
      <ellipse cx="60" cy="92.500" rx="40" ry="7.500" fill={A} />
      <ellipse cx="60" cy="92.500" rx="25" ry="4" fill={B} opacity=".45" />
      <path d="M80 61c13-3 12 15-3 14" {...line(B, 5)} />
      <path d="M38 53h44c0 22-5 34-15 39H53c-10-5-15-17-15-39z" fill={A} />
      <path d="M71 53h11c0 22-5 34-15 39h-7c8-8 11-20 11-39z" fill={B} opacity=".45" />
      <path d="M44 64c1 8 3 14 6 18" {...line(C, 3)} />
      <ellipse cx="60" cy="53" rx="22" ry="5.500" fill={C} />
      <ellipse cx="60" cy="54" rx="18" ry="3.800" fill={COFFEE} />
      <path d="M45 54c8-3 20-3 28 0" {...line("#a8713f", 1.6)} />
    </>
  ),
  "cappuccino-cup": (
    <>
      <ellipse cx="57" cy="97" rx="44" ry="6.500" fill={B} />
      <ellipse cx="57" cy="95" rx="44" ry="6.500" fill={A} />
      <ellipse cx="57" cy="95" rx="26" ry="3.500" fill={B} opacity=".45" />
      <path d="M90 58c18-3 16 21-6 19" {...line(B, 6)} />
      <path d="M23 50h70c0 26-10 39-24 45H47c-14-6-24-19-24-45z" fill={A} />
      <path d="M78 50h15c0 26-10 39-24 45h-9c12-8 18-24 18-45z" fill={B} opacity=".45" />
      <path d="M30 64c2 9 6 15 11 20" {...line(C, 3.5)} />
      <ellipse cx="58" cy="50" rx="35" ry="11" fill={C} />
      <ellipse cx="58" cy="51" rx="30.500" ry="8.500" fill="#a8713f" />
      <path d="M58 58c-10-3-20-6-16-10 3-3 12-3 16 0 4-3 13-3 16 0 4 4-6 7-16 10z" fill="#fbf0dd" />
    </>
  ),
  "tea-bowl": (
    <>
      <path d="M46 96h28l-3 6H49z" fill={B} />
      <path d="M24 50h72c1 30-6 44-22 48H46C30 94 23 80 24 50z" fill={A} />
      <path d="M81 50h15c1 30-6 44-22 48H64c14-10 18-28 17-48z" fill={B} opacity=".45" />
      <path d="M24 54c8 10 16 3 24 10s14-3 22 6 20-6 26-4v-16H24z" fill={C} opacity=".55" />
      <ellipse cx="60" cy="50" rx="36" ry="9" fill={C} />
      <ellipse cx="60" cy="51.500" rx="31" ry="6.500" fill="#88a055" />
      <path d="M42 51c8 3 14-2 20 1s10 1 16-1" {...line("#b7cb86", 2.4)} />
    </>
  ),
  bowl: (
    <>
      <path d="M46 96h28l-3 6H49z" fill={B} />
      <path d="M22 56h76c0 24-12 37-27 42H49C34 93 22 80 22 56z" fill={A} />
      <path d="M83 56h15c0 24-12 37-27 42h-9c14-9 21-24 21-42z" fill={B} opacity=".45" />
      <path d="M30 71c3 8 8 14 15 18" {...line(C, 3.5)} />
      <ellipse cx="60" cy="56" rx="38" ry="9.500" fill={C} />
      <ellipse cx="60" cy="57.500" rx="33" ry="7" fill={B} />
    </>
  ),
  "serving-bowl": (
    <>
      <path d="M47 97h26l-2 5H49z" fill={B} />
      <ellipse cx="60" cy="62" rx="48" ry="10" fill={C} />
      <ellipse cx="60" cy="62" rx="43" ry="7.500" fill={B} />
      <g fill="#dd8a3a">
        <circle cx="36" cy="56" r="11" />
        <circle cx="84" cy="56" r="11" />
        <circle cx="70" cy="44" r="11" />
      </g>
      <g fill="#eaa352">
        <circle cx="48" cy="45" r="11" />
        <circle cx="60" cy="57" r="12" />
      </g>
      <path d="M49 35c4-7 10-8 15-7-1 6-7 9-15 7z" fill={LEAF_SHADE} />
      <path d="M12 62c14 10 82 10 96 0-2 20-16 32-33 36H45C28 94 14 82 12 62z" fill={A} />
      <path d="M92 67c7-1 13-3 16-5-2 20-16 32-33 36H64c16-6 26-17 28-31z" fill={B} opacity=".45" />
      <path d="M22 75c4 7 9 12 16 15" {...line(C, 3.5)} />
    </>
  ),
  plate: (
    <>
      <circle cx="60" cy="62" r="42" fill={B} />
      <circle cx="60" cy="59" r="42" fill={A} />
      <circle cx="60" cy="59" r="36" fill={C} opacity=".55" />
      <circle cx="60" cy="60" r="28" fill={B} opacity=".4" />
      <circle cx="60" cy="61" r="27" fill={A} />
      <path d="M28 47c5-11 13-17 23-20" {...line(C, 3.5)} />
    </>
  ),
  "cake-plate": (
    <>
      <path d="M44 96h32l-4 6H48z" fill={B} />
      <ellipse cx="60" cy="90" rx="46" ry="10" fill={B} />
      <ellipse cx="60" cy="87" rx="46" ry="10" fill={A} />
      <ellipse cx="60" cy="86.500" rx="36" ry="6.500" fill={C} opacity=".7" />
      <path d="M36 56l46 8v20l-46 4z" fill="#e7bf83" />
      <path d="M82 64l6-8v20l-6 8z" fill="#c4945a" />
      <path d="M36 56c16-14 36-14 52 0l-6 9z" fill="#fbf0dd" />
      <path d="M36 70l46 5" {...line("#b4534a", 4)} />
      <path d="M36 56l46 8v5l-46-7z" fill="#fbf0dd" />
      <circle cx="64" cy="47" r="6" fill="#b4443f" />
      <path d="M64 42c1-4 4-6 7-6" {...line(LEAF_SHADE, 2)} />
    </>
  ),
  teapot: (
    <>
      <path d="M90 58c18-5 19 27-5 29" {...line(B, 6)} />
      <path d="M36 64C23 60 22 48 11 45l-3 7c8 6 10 26 30 32z" fill={B} />
      <path d="M30 70c0-19 14-27 32-27s32 8 32 27-13 31-32 31-32-12-32-31z" fill={A} />
      <path d="M79 47c10 4 15 12 15 23 0 19-13 31-32 31 17-7 25-26 17-54z" fill={B} opacity=".55" />
      <path d="M38 67c1-9 6-14 14-16" {...line(C, 4)} />
      <path d="M44 45a18 8 0 0 1 36 0z" fill={C} />
      <path d="M44 45h36" {...line(B, 2)} />
      <circle cx="62" cy="33" r="5" fill={B} />
    </>
  ),
  kyusu: (
    <>
      <path d="M32 66L14 56l-3 7 20 20z" fill={B} />
      <path d="M80 70l28-17a5.500 5.500 0 0 1 6 9L86 84z" fill={B} />
      <path d="M98 61l9-5" {...line(A, 4)} />
      <path d="M24 74c0-17 13-24 33-24s33 7 33 24-12 27-33 27-33-10-33-27z" fill={A} />
      <path d="M75 53c10 3 15 10 15 21 0 17-12 27-33 27 19-6 27-26 18-48z" fill={B} opacity=".5" />
      <path d="M32 71c1-8 6-13 14-14" {...line(C, 4)} />
      <path d="M36 52a21 9 0 0 1 42 0z" fill={A} />
      <path d="M36 52h42" {...line(B, 2.4)} />
      <circle cx="57" cy="39" r="5.500" fill={B} />
      <path d="M26 79c18 5 44 5 62 0" {...line(C, 2)} opacity=".6" />
    </>
  ),
  jar: (
    <>
      <path d="M34 50c0-6 6-8 8-10h36c2 2 8 4 8 10v40a11 11 0 0 1-11 11H45a11 11 0 0 1-11-11z" fill={A} />
      <path d="M72 40h6c2 2 8 4 8 10v40a11 11 0 0 1-11 11h-9c8-10 10-42 6-61z" fill={B} opacity=".5" />
      <path d="M41 56v26" {...line(C, 4)} />
      <path d="M34 64h52M34 69h52" {...line(C, 1.8)} opacity=".7" />
      <path d="M38 24h44l-3 17c-10 4-28 4-38 0z" fill={OAK} />
      <path d="M70 24h12l-3 17c-2 1-5 1.600-9 2z" fill={OAK_SHADE} opacity=".7" />
      <ellipse cx="60" cy="24" rx="22" ry="5" fill="#dcbb8c" />
      <path d="M46 33h.1M54 37h.1M62 32h.1M51 24h.1M66 25h.1M75 34h.1" {...line(OAK_SHADE, 2.2)} />
    </>
  ),
  jug: (
    <>
      <path d="M82 50c20-5 20 34-1 34" {...line(B, 6)} />
      <path
        d="M34 31l-10-5c4 11 10 14 10 22-6 10-8 18-8 28 0 17 12 25 30 25s30-8 30-25c0-10-2-18-8-28 0-6 3-11 3-17z"
        fill={A}
      />
      <path
        d="M70 31h11c0 6-3 11-3 17 6 10 8 18 8 28 0 17-12 25-30 25 16-9 22-40 14-70z"
        fill={B}
        opacity=".5"
      />
      <path d="M24 26c18-5 46-4 57 5-10 6-36 6-45 2z" fill={C} />
      <path d="M34 29c14-3 32-2 40 2-10 3-28 3-38 0z" fill={"#fdfaf4"} />
      <path d="M35 68c0-7 2-12 5-17" {...line(C, 4)} />
    </>
  ),
  vase: (
    <>
      <path d="M61 42C62 30 60 24 66 14" {...line(LEAF_SHADE, 2.6)} />
      <path d="M62 30c7-6 12-5 16-3-3 6-9 8-16 3z" fill={LEAF_SHADE} />
      <path d="M60 14c-1-7 4-10 8-9 5 1 7 6 3 12-4 4-10 3-11-3z" fill="#d99a8b" />
      <path d="M64 17c0-5 3-9 5-11 3 3 4 7 2 11z" fill="#b9705f" />
      <path d="M53 40h16v12c0 8 17 13 17 30 0 13-10 19-25 19s-25-6-25-19c0-17 17-22 17-30z" fill={A} />
      <path d="M64 40h5v12c0 8 17 13 17 30 0 13-10 19-25 19 17-10 15-34 3-49z" fill={B} opacity=".5" />
      <path d="M43 82c0-8 4-13 8-17" {...line(C, 4)} />
      <ellipse cx="61" cy="40" rx="9" ry="2.800" fill={C} />
      <path d="M37 88c6 9 42 9 48 0" {...line(C, 2)} opacity=".6" />
    </>
  ),
};
