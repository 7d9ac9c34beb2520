// What is wrong with one page of a shop: its security headers are not those of the release, or something on it runs that the release
// does not know. Called by storefront-verify.ts.
import type { ShopAnswer } from "./storefront-client.ts";

/** One of our scripts, as the release has it. */
export interface ReleasedScript {
  readonly path: string;
  /** `sha384-...` of its bytes. */
  readonly integrity: string;
}

/** What a shop of this version is made of. cmd/checkoutctl takes it from the storefront's own code. */
export interface Release {
  readonly version: string;
  readonly scripts: readonly ReleasedScript[];
  /** Addresses of the payment provider's scripts, which only the checkout may load. */
  readonly providerScripts: readonly string[];
  /** The security headers of a page with this nonce. */
  readonly headersOf: (page: {
    readonly nonce: string;
    readonly withStripe: boolean;
  }) => Readonly<Record<string, string>>;
}

export interface PageRules {
  readonly isHttps: boolean;
  /** The page takes the card. */
  readonly isCheckout: boolean;
}

/** Where a form is sent and what a page loads: paths of the shop, in this release. */
const OWN_ADDRESSES: ReadonlySet<string> = new Set([
  "form action",
  "button formaction",
  "input formaction",
  "link href",
]);
const HSTS = "strict-transport-security";
const MIN_HSTS_SECONDS = 31_536_000;
/** 128 bits in base64. */
const MIN_NONCE_LENGTH = 22;

/** The nonce of a page's policy; null if it has none. */
export function nonceOf({ headers }: ShopAnswer): string | null {
  const policy = headers.get("content-security-policy") ?? "";
  return /script-src 'nonce-([A-Za-z0-9+/=_-]+)'/.exec(policy)?.[1] ?? null;
}

/** One sentence per fault. */
export function headerFaults(
  page: ShopAnswer,
  release: Release,
  { isHttps, isCheckout }: PageRules,
): string[] {
  const nonce = nonceOf(page);
  if (nonce === null)
    return [`${page.path} has no content security policy with a nonce: any script on it would run`];
  const faults: string[] = [];
  if (nonce.length < MIN_NONCE_LENGTH)
    faults.push(`${page.path} has a nonce of ${nonce.length} characters, which can be guessed`);
  const withStripe = isCheckout && release.providerScripts.some((script) => page.text.includes(script));
  for (const [name, expected] of Object.entries(release.headersOf({ nonce, withStripe }))) {
    const sent = page.headers.get(name);
    if (name === HSTS || sent === expected) continue;
    faults.push(
      sent === null
        ? `${page.path} has no header ${name}; this release sends "${shown(expected, nonce)}"`
        : `${page.path} has the header ${name} "${shown(sent, nonce)}"; this release sends "${shown(expected, nonce)}"`,
    );
  }
  const hsts = Number(/max-age=(\d+)/.exec(page.headers.get(HSTS) ?? "")?.[1] ?? 0);
  if (isHttps && hsts < MIN_HSTS_SECONDS)
    faults.push(`${page.path} has no ${HSTS} for a year: set SHOP_URL to the shop's https address`);
  return faults;
}

/** One sentence per script, frame or handler that the release does not know. */
export function contentFaults(page: ShopAnswer, release: Release, { isCheckout }: PageRules): string[] {
  const nonce = nonceOf(page);
  const faults: string[] = [];
  const foreign = (what: string) => `${page.path} ${what}`;
  new HTMLRewriter()
    .on("script", {
      element(script) {
        const src = script.getAttribute("src");
        if (src === null) {
          faults.push(foreign("has a script in the page itself; the release has none"));
          return;
        }
        if (script.getAttribute("nonce") !== nonce)
          faults.push(foreign(`loads ${src} without the page's nonce`));
        if (release.providerScripts.includes(src)) {
          if (!isCheckout)
            faults.push(foreign(`loads the payment provider's ${src}, which only the checkout may`));
          return;
        }
        const known = release.scripts.find(({ path }) => path === src);
        if (known === undefined)
          faults.push(foreign(`loads the script ${src}, which is not in this release`));
        else if (script.getAttribute("integrity") !== known.integrity)
          faults.push(foreign(`loads ${src} with another hash than this release has`));
      },
    })
    .on("iframe, object, embed, base", {
      element: ({ tagName }) => void faults.push(foreign(`has a <${tagName}>; the release has none`)),
    })
    .on("meta[http-equiv]", {
      element(meta) {
        // Only "load this page again", which names no address.
        if (!/^\d+$/.test(meta.getAttribute("content") ?? ""))
          faults.push(foreign("sends browsers elsewhere by a <meta>; the release never does"));
      },
    })
    .on("*", {
      element({ tagName, attributes }) {
        for (const [name, value] of attributes) {
          if (/^on/i.test(name))
            faults.push(foreign(`has a handler ${name} on a <${tagName}>; the release has none`));
          if (/^\s*javascript:/i.test(value))
            faults.push(foreign(`has an address with a script on a <${tagName}>`));
          if (OWN_ADDRESSES.has(`${tagName} ${name}`) && !/^\/(?!\/)/.test(value))
            faults.push(
              foreign(
                `has a <${tagName}> with ${name} "${value}"; the release has only the shop's own there`,
              ),
            );
        }
      },
    })
    .transform(page.text);
  return faults;
}

function shown(value: string, nonce: string): string {
  return value.replaceAll(nonce, "...");
}
