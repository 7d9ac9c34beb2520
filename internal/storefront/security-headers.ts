// The security headers of every page. Scripts and styles count only with the nonce of their response, nothing is loaded from elsewhere,
// and nobody may frame a page. The exceptions are the payment provider on the checkout page, where its own fields take the card, and
// pictures from the hosts that the shop names. Pure.

/** Where Stripe's fields come from and what they talk to (https://docs.stripe.com/security/guide#content-security-policy). */
const STRIPE = {
  script: "https://js.stripe.com",
  frame: "https://js.stripe.com https://hooks.stripe.com",
  connect: "https://api.stripe.com",
};

export interface PageSecurity {
  readonly nonce: string;
  /** The page holds the payment provider's fields. */
  readonly withStripe: boolean;
  /** The page's address is a secret (a guest link), so it must not even be sent to this server's other pages. */
  readonly isSecretAddress: boolean;
  readonly isHttps: boolean;
  /** Origins besides the shop's own. */
  readonly pictureHosts: readonly string[];
}

export function securityHeaders(page: PageSecurity): Readonly<Record<string, string>> {
  return {
    "content-security-policy": contentSecurityPolicy(page),
    "reporting-endpoints": 'csp="/csp-reports"',
    "permissions-policy":
      "accelerometer=(), camera=(), geolocation=(), gyroscope=(), microphone=(), payment=(self), usb=()",
    "referrer-policy": page.isSecretAddress ? "no-referrer" : "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    ...(page.isHttps ? { "strict-transport-security": "max-age=31536000; includeSubDomains" } : {}),
  };
}

function contentSecurityPolicy({ nonce, withStripe, pictureHosts }: PageSecurity): string {
  const stripe = (part: keyof typeof STRIPE) => (withStripe ? ` ${STRIPE[part]}` : "");
  return [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'${stripe("script")}`,
    `style-src 'nonce-${nonce}'`,
    ["img-src 'self' data:", ...pictureHosts].join(" "),
    "font-src 'self'",
    `connect-src 'self'${stripe("connect")}`,
    ...(withStripe ? [`frame-src ${STRIPE.frame}`] : []),
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "report-uri /csp-reports",
    "report-to csp",
  ].join("; ");
}
