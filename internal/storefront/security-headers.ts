// The security headers of the shop's pages: those of internal/web, with the payment provider on the checkout page, where its own fields take
// the card, and pictures from the hosts that the shop names. Pure.
import { securityHeaders as headersOf } from "../web/security-headers.ts";

/** Where Stripe's fields come from and what they talk to (https://docs.stripe.com/security/guide#content-security-policy). */
const STRIPE = {
  script: ["https://js.stripe.com"],
  frame: ["https://js.stripe.com", "https://hooks.stripe.com"],
  connect: ["https://api.stripe.com"],
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
  const { nonce, isHttps, withStripe, isSecretAddress, pictureHosts } = page;
  return headersOf({
    nonce,
    isHttps,
    referrer: isSecretAddress ? "no-referrer" : "same-origin",
    more: { image: pictureHosts, ...(withStripe ? STRIPE : {}) },
    features: ["payment=(self)"],
  });
}
