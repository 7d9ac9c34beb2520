// The pages at which the simulated bank and the simulated PayPal ask a shopper: plain forms that work without JavaScript, under a policy that
// allows nothing else. Used by bank.ts and paypal/page.ts.

const STYLE = `:root{color-scheme:light dark}
body{font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:3rem auto;padding:0 1rem}
form{display:flex;flex-wrap:wrap;gap:1rem;margin-top:2rem}
button{font:inherit;min-height:3rem;padding:0 1.5rem;border:2px solid;border-radius:.4rem;background:Canvas;color:CanvasText;cursor:pointer}
button.pay{background:#1d4ed8;border-color:#1d4ed8;color:#fff}
button:focus-visible{outline:3px solid #b45309;outline-offset:3px}`;
const STYLE_HASH = new Bun.CryptoHasher("sha256").update(STYLE).digest("base64");

const HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "cache-control": "no-store",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
} as const;

interface Page {
  readonly status: number;
  /** Of the window. */
  readonly title: string;
  readonly heading: string;
  /** HTML. */
  readonly body: string;
  /** Where its form may lead to after the answer; browsers apply form-action to redirects as well. */
  readonly returnUrl?: string | undefined;
}

export function shopperPage({ status, title, heading, body, returnUrl }: Page): Response {
  const targets = returnUrl === undefined ? "'self'" : `'self' ${new URL(returnUrl).origin}`;
  const policy = `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; form-action ${targets}; base-uri 'none'; frame-ancestors 'none'`;
  const html = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${title}</title><style>${STYLE}</style></head>
<body><main><h1>${heading}</h1>
${body}
</main></body>
</html>
`;
  return new Response(html, { status, headers: { ...HEADERS, "content-security-policy": policy } });
}

/** Back to the shop with `parameters`, which it must not trust. */
export function backToShop(url: string, parameters: Readonly<Record<string, string>>): Response {
  const to = new URL(url);
  for (const [name, value] of Object.entries(parameters)) to.searchParams.set(name, value);
  return new Response(null, { status: 303, headers: { location: to.href, ...HEADERS } });
}
