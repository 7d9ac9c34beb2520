// What distinguishes packs: a mark on the label, drawn over a tin or a bag around 60, 73. `speckles` belong on a mug.
import { B, C, line } from "./shades.ts";

const LEAVES = "M60 78c-9 1-13-4-14-11 8-1 13 3 14 11zM60 78c0-8 5-12 14-11-1 8-6 12-14 11z";

export const MARKS = {
  leaf: (
    <>
      <path d={LEAVES} fill={B} />
      <path d="M60 73c-5-4-5-9 0-14 5 5 5 10 0 14z" fill={B} />
      <path d="M60 76v9" {...line(B, 2)} />
    </>
  ),
  flower: (
    <>
      <g fill={B}>
        <circle cx="60" cy="66" r="5" />
        <circle cx="67" cy="71" r="5" />
        <circle cx="64.500" cy="79" r="5" />
        <circle cx="55.500" cy="79" r="5" />
        <circle cx="53" cy="71" r="5" />
      </g>
      <circle cx="60" cy="73.500" r="4" fill={C} />
    </>
  ),
  citrus: (
    <>
      <circle cx="60" cy="73" r="11" fill={B} />
      <circle cx="60" cy="73" r="8.500" fill={C} />
      <path d="M60 73v-6M60 73l5-3M60 73l5 3M60 73v6M60 73l-5 3M60 73l-5-3" {...line(B, 2.4)} />
    </>
  ),
  rice: (
    <g fill={B}>
      <ellipse cx="54" cy="68" rx="6" ry="2.600" transform="rotate(-35 54 68)" />
      <ellipse cx="66" cy="67" rx="6" ry="2.600" transform="rotate(25 66 67)" />
      <ellipse cx="60" cy="75" rx="6" ry="2.600" transform="rotate(-10 60 75)" />
      <ellipse cx="51" cy="79" rx="6" ry="2.600" transform="rotate(30 51 79)" />
      <ellipse cx="69" cy="80" rx="6" ry="2.600" transform="rotate(-40 69 80)" />
    </g>
  ),
  pine: (
    <>
      <path d="M60 59l8 10h-4l6 8h-4l5 7H49l5-7h-4l6-8h-4z" fill={B} />
      <path d="M60 83v4" {...line(B, 3)} />
    </>
  ),
  sprig: (
    <>
      <path d="M60 88V64" {...line(B, 2)} />
      <path
        d="M60 68c-3-3-3-7 0-10 3 3 3 7 0 10zM60 76c-6 1-9-2-10-7 6-1 9 2 10 7zM60 76c1-5 4-8 10-7-1 5-4 8-10 7zM60 84c-6 1-9-2-10-7 6-1 9 2 10 7zM60 84c1-5 4-8 10-7-1 5-4 8-10 7z"
        fill={B}
      />
    </>
  ),
  bean: (
    <g transform="rotate(35 60 73)">
      <ellipse cx="60" cy="73" rx="8" ry="11.500" fill={B} />
      <path d="M60 62c-5 7 5 14 0 22" {...line(C, 2.2)} />
    </g>
  ),
  house: (
    <>
      <path d="M60 61l13 11h-4v12H51V72h-4z" fill={B} />
      <path d="M57 84v-8h6v8z" fill={C} />
    </>
  ),
  hills: (
    <>
      <circle cx="67" cy="65" r="4" fill={B} opacity=".6" />
      <path d="M46 84l9-16 6 9 4-5 9 12z" fill={B} />
    </>
  ),
  sun: (
    <>
      <circle cx="60" cy="73" r="6" fill={B} />
      <path
        d="M60 60v3M60 83v3M47 73h3M70 73h3M51 64l2 2M67 80l2 2M69 64l-2 2M53 80l-2 2"
        {...line(B, 2.4)}
      />
    </>
  ),
  moon: <path d="M64 61a12.500 12.500 0 1 0 9 18c-8 2-15-8-9-18z" fill={B} />,
  ice: (
    <path
      d="M60 61v24M49.600 67l20.800 12M70.400 67L49.600 79M57 63l3 3 3-3M57 83l3-3 3 3M50 71l4-1-1-4M70 71l-4-1 1-4M50 75l4 1-1 4M70 75l-4 1 1 4"
      {...line(B, 2)}
    />
  ),
  barley: (
    <>
      <path d="M60 88V70" {...line(B, 2)} />
      <path
        d="M60 66c-3-3-3-6 0-9 3 3 3 6 0 9zM60 72c-5-1-6-4-6-8 4 1 6 4 6 8zM60 72c0-4 2-7 6-8 0 4-1 7-6 8zM60 79c-5-1-6-4-6-8 4 1 6 4 6 8zM60 79c0-4 2-7 6-8 0 4-1 7-6 8zM60 86c-5-1-6-4-6-8 4 1 6 4 6 8zM60 86c0-4 2-7 6-8 0 4-1 7-6 8z"
        fill={B}
      />
    </>
  ),
  speckles: (
    <g fill={B}>
      <circle cx="36" cy="56" r="1.600" />
      <circle cx="45" cy="63" r="1.200" />
      <circle cx="41" cy="73" r="1.800" />
      <circle cx="54" cy="57" r="1.500" />
      <circle cx="57" cy="69" r="1.200" />
      <circle cx="50" cy="79" r="1.400" />
      <circle cx="66" cy="61" r="1.800" />
      <circle cx="66" cy="76" r="1.400" />
      <circle cx="34" cy="66" r="1" />
      <circle cx="60" cy="80" r="1" />
      <circle cx="76" cy="70" r="1.400" />
    </g>
  ),
};

export type Mark = keyof typeof MARKS;
