// What the drawings are made of: three shades that the tone of a product sets, and a few materials that look the same on every product.
export const A = "var(--a)";
/** The shadow of A. */
export const B = "var(--b)";
/** The light of A. */
export const C = "var(--c)";

export const OAK = "#c79f6b";
export const OAK_SHADE = "#9c7443";
export const STEEL = "#bcc4c5";
export const STEEL_SHADE = "#8a9497";
export const STEEL_LIGHT = "#e6ebea";
export const PAPER = "#fdfaf4";
export const COFFEE = "#5b3b29";
export const LEAF = "#6f9370";
export const LEAF_SHADE = "#4f6f52";
export const GLASS = "#d5e3e4";
export const GLASS_EDGE = "#9db3b5";

/** A line instead of a shape. Its round ends come from the symbol. */
export const line = (stroke: string, width: number) => ({ fill: "none", stroke, "stroke-width": width });
