// The storefront of this gateway, from its settings.
import type { Static } from "@sinclair/typebox";
import type { Authenticator } from "../../internal/gateway/auth.ts";
import type { GatewayLimits } from "../../internal/gateway/limits/hooks.ts";
import { ProblemError } from "../../internal/gateway/problem.ts";
import { systemClock } from "../../internal/platform/clock.ts";
import { guestLinks } from "../../internal/platform/guest-links.ts";
import { storefrontApp } from "../../internal/storefront/app.ts";
import { TooManyRequests } from "../../internal/storefront/port.ts";
import type { StorefrontLimits, StorefrontOptions } from "../../internal/storefront/options.ts";
import type { config } from "./config.ts";

type Settings = Static<typeof config>;
type Shared = Pick<StorefrontOptions, "data" | "counts" | "onError" | "onRoute"> & {
  readonly authenticator: Authenticator;
  readonly limits: GatewayLimits;
};

/** Null if it is switched off. */
export function storefront(env: Settings, { authenticator, limits, ...shared }: Shared) {
  if (!env.STOREFRONT) return null;
  const links = env.SHOP_LINK_SECRET === undefined ? null : guestLinks(env.SHOP_LINK_SECRET);
  return storefrontApp({
    ...shared,
    shopName: env.SHOP_NAME,
    shopUrl: env.SHOP_URL?.replace(/\/+$/, ""),
    signInUrl: env.SIGN_IN_URL,
    pictureHosts: env.PICTURE_HOSTS?.split(",") ?? [],
    cards: cardsOf(env),
    offersPayPal: env.OFFER_PAYPAL,
    userOf: (token) => userOf(authenticator, token),
    limits: storefrontLimits(limits),
    guestOf: links === null ? null : (sagaId, token) => links.userOf(sagaId, token, systemClock.now()),
    clock: systemClock,
    uuid: () => crypto.randomUUID(),
  });
}

/** `faultsOf` has checked that at most one is set. */
function cardsOf({ TEST_CARDS, STRIPE_PUBLISHABLE_KEY }: Settings): StorefrontOptions["cards"] {
  if (STRIPE_PUBLISHABLE_KEY !== undefined) return { kind: "stripe", publishableKey: STRIPE_PUBLISHABLE_KEY };
  return TEST_CARDS ? { kind: "test_cards" } : { kind: "none" };
}

function storefrontLimits(limits: GatewayLimits): StorefrontLimits {
  return {
    async admit(request, isCheckout) {
      limits.takeOne();
      try {
        await limits.admit(request, isCheckout);
      } catch (error) {
        if (!(error instanceof ProblemError && error.type === "too-many-requests")) throw error;
        throw new TooManyRequests(error.parts.limit?.msBeforeNext ?? 0);
      }
    },
    seen: (request, checkout, ownerId) => limits.seen(request, checkout, ownerId),
  };
}

/** Null for a token that is not accepted (any more): the shopper is then not signed in. */
async function userOf(authenticator: Authenticator, token: string): Promise<string | null> {
  try {
    return (await authenticator.verify(token)).userId;
  } catch (error) {
    if (error instanceof ProblemError && error.type === "unauthenticated") return null;
    throw error;
  }
}
