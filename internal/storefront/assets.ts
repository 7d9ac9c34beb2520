// The files that browsers load besides pages. Their addresses hold a hash of the content, so they are cached forever and a new release
// is never mixed with an old page. Embedded in the binary as text: pages are rendered on the server with a nonce for each response,
// which Bun's HTML imports, a finished page with its bundle, leave no room for. The scripts are served as they are in the repository, so
// that scripts.ts can list their exact bytes.
import checkoutText from "./client/card-fields.js" with { type: "text" };
import shopText from "./client/shop.js" with { type: "text" };
import { asset, assetsAt } from "../web/asset.ts";

const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><path d="M16 29C7 26 4 18 6 6c6 1 10 5 10 12 0-7 4-11 10-12 2 12-1 20-10 23z" fill="#2f6b55"/><path d="M16 29V18" stroke="#f7f2e8" stroke-width="2"/></svg>`;

export const assets = {
  shop: asset("shop", "js", "text/javascript; charset=utf-8", shopText),
  cardFields: asset("card-fields", "js", "text/javascript; charset=utf-8", checkoutText),
  icon: asset("icon", "svg", "image/svg+xml", ICON),
} as const;

/** The answer for a path under /assets/; null if there is no such file. */
export const assetResponse = assetsAt(assets);
