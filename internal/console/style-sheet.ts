// The style sheets, which pages hold in themselves: the policy lets them in by the nonce of their page. Used by parts/layout.tsx, and that of
// the pictures by pages/graphs.tsx.
import { minified } from "../web/minify.ts";
import plotCss from "uplot/dist/uPlot.min.css" with { type: "text" };
import baseCss from "./styles/base.css" with { type: "text" };
import cardsCss from "./styles/cards.css" with { type: "text" };
import graphsCss from "./styles/graphs.css" with { type: "text" };
import pagesCss from "./styles/pages.css" with { type: "text" };
import themeCss from "./styles/theme.css" with { type: "text" };

export const STYLE_SHEET = [withAuto(themeCss), baseCss, cardsWithoutRoom(), pagesCss].map(minified).join("");
export const GRAPH_STYLE_SHEET = plotCss + minified(withAuto(graphsCss));

/**
 * The dark colours are written once and hold for two cases. Not light-dark(): a script that draws reads them as they are, and would get the
 * function instead of the colour.
 */
function withAuto(css: string): string {
  return css.replace(
    /\[data-theme="dark"\] ({[^}]*})/,
    (dark, colors: string) => `${dark} @media (prefers-color-scheme: dark) { [data-theme="auto"] ${colors} }`,
  );
}

/** Of every table on a phone, and of one with many columns on a tablet, too. The rules are written once. */
function cardsWithoutRoom(): string {
  const wide = cardsCss.replaceAll(".stacks", ".stacks.is-wide");
  return `@media (max-width: 48rem) { ${cardsCss} } @media (max-width: 64rem) { ${wide} }`;
}
