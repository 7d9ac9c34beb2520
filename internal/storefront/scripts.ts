// The inventory of every script on the shop's pages, with its reason and owner (PCI DSS 6.4.3). guards.unit.test.ts fails on a script
// that is not listed or whose bytes differ; `integrity` makes the browser refuse other bytes.

export interface ListedScript {
  /** In this repository; null for the payment provider's. */
  readonly file: string | null;
  /** How the page names it: an address, or an expression of the page's source. */
  readonly tag: string;
  /** Of the exact bytes; null where the provider changes the file and allows no hash. */
  readonly integrity: string | null;
  readonly pages: string;
  readonly reason: string;
  readonly owner: string;
}

export const SCRIPTS: readonly ListedScript[] = [
  {
    file: "internal/storefront/client/shop.js",
    tag: "assets.shop.path",
    integrity: "sha384-ot+EoF6yufWJH+0Nf9F/QOntLZOs7adwqcWzxGuHQL2Qh1eRwio+7iQTofN73Iq4",
    pages: "all",
    reason:
      "Cart without a page load, one press of the order button, live status, more time at the bank, local times.",
    owner: "shop",
  },
  {
    file: "internal/storefront/client/card-fields.js",
    tag: "assets.cardFields.path",
    integrity: "sha384-WyjHVZSCniPneqJTtgXW6JhprLX3VrniA82Xq9QkJtcqiDxr4PaLzo3bSG3Y0q+y",
    pages: "/checkout, only with STRIPE_PUBLISHABLE_KEY",
    reason: "Mounts the payment provider's card field and takes the id that it makes of the card.",
    owner: "shop",
  },
  {
    file: null,
    tag: "https://js.stripe.com/v3/",
    // Stripe forbids copies and changes the file (https://docs.stripe.com/js/including), so the policy names its host instead.
    integrity: null,
    pages: "/checkout, only with STRIPE_PUBLISHABLE_KEY",
    reason: "The card field lives in the provider's own frame, so that no card number reaches the shop.",
    owner: "Stripe",
  },
];
