// The style sheet, which every page holds in itself: with a file of its own, a first visit would wait for two round trips before it shows
// anything. It costs each page 5 KB on the wire. The policy lets it in by the nonce of its page. Used by parts/layout.tsx.
import baseCss from "./styles/base.css" with { type: "text" };
import pagesCss from "./styles/pages.css" with { type: "text" };
import themeCss from "./styles/theme.css" with { type: "text" };
import { minified } from "../web/minify.ts";

export const STYLE_SHEET = [themeCss, baseCss, pagesCss].map(minified).join("");
