// The settings and collaborators of the storefront. Filled by cmd/gateway.
import type { Clock } from "../kernel/ports.ts";
import type { CheckoutStatus, ShopData } from "./port.ts";

export interface StorefrontOptions {
  readonly data: ShopData;
  readonly shopName: string;
  /** The user's id behind a token of the shop's identity provider, or null if the token is not valid (any more). */
  readonly userOf: (token: string) => Promise<string | null>;
  /** Public address of the shop, without a slash at the end. Without it, the Host header is the shop's name. */
  readonly shopUrl?: string | undefined;
  /** The sign-in page of the shop's identity provider. Needs `shopUrl`. */
  readonly signInUrl?: string | undefined;
  /** Origins besides the shop's own that pictures may come from. */
  readonly pictureHosts?: readonly string[];
  /** How cards reach the payment provider: its own fields in the browser, or the simulator's named test cards. */
  readonly cards:
    | { readonly kind: "stripe"; readonly publishableKey: string }
    | { readonly kind: "test_cards" }
    /** Nothing is set: the checkout page says so. */
    | { readonly kind: "none" };
  /** Whether shoppers can pay with PayPal. Default: no. */
  readonly offersPayPal?: boolean;
  /** Null if there are no links for guests. Returns the user's id if the link is valid for this saga. */
  readonly guestOf: ((sagaId: string, token: string) => string | null) | null;
  /** Without them nothing is limited. */
  readonly limits?: StorefrontLimits | undefined;
  readonly clock: Clock;
  readonly uuid: () => string;
  readonly counts: StorefrontCounts;
  /** Called with each request's route, as in the routing table. */
  readonly onRoute?: (request: Request, route: string) => void;
  /** Called with errors that operators should see. */
  readonly onError: (error: unknown, request: Request) => void;
}

export interface StorefrontLimits {
  /** Call before a page or form is handled. Throws TooManyRequests, and SERVICE_UNAVAILABLE when all are refused. */
  readonly admit: (request: Request, isCheckout: boolean) => Promise<void>;
  /** Call with each status that somebody gets; it counts for the checkout's owner. */
  readonly seen: (request: Request, checkout: CheckoutStatus, ownerId: string) => void;
}

export interface StorefrontCounts {
  readonly page: (page: string, status: number) => void;
  readonly cspReport: (directive: string) => void;
  readonly refusedOrigin: () => void;
}
