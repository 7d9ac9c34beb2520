// The style sheet, which every page holds in itself: the policy lets it in by the nonce of its page. Used by parts/layout.tsx.
import { minified } from "../web/minify.ts";
import baseCss from "./styles/base.css" with { type: "text" };
import pagesCss from "./styles/pages.css" with { type: "text" };
import themeCss from "./styles/theme.css" with { type: "text" };

export const STYLE_SHEET = [themeCss, baseCss, pagesCss].map(minified).join("");
