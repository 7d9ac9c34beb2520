// All motifs. Their names are keys of art-choice.ts, which says what product gets which.
import { CERAMICS } from "./ceramics.tsx";
import { GENERAL } from "./general.tsx";
import { GLASS_AND_LINEN } from "./glass-and-linen.tsx";
import { KITCHENWARE } from "./kitchenware.tsx";
import { PACKS } from "./packs.tsx";
import { PANTRY } from "./pantry.tsx";

export const DRAWINGS = { ...PACKS, ...CERAMICS, ...KITCHENWARE, ...GLASS_AND_LINEN, ...PANTRY, ...GENERAL };
export type Motif = keyof typeof DRAWINGS;
