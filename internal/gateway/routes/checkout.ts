// POST /api/v1/checkout: reads the checkout strictly, seals the payment method, starts the saga. Composed by app.ts.
import { Type } from "@sinclair/typebox";
import {
  CheckoutAccepted,
  CheckoutRequest,
  IDEMPOTENCY_KEY,
  PAYPAL,
  type SagaStarted,
} from "../../../schemas/http.ts";
import { type Language, languageOf } from "../../storefront/format.ts";
import { checkoutOf, hashOf, idempotencyKeyOf } from "../checkout-request.ts";
import type { GatewayLimits } from "../limits/hooks.ts";
import type { OrchestratorClient } from "../orchestrator-client.ts";
import type { PaymentClient } from "../payment-client.ts";
import { STATUS_ACCEPTED } from "../problem.ts";
import type { RequestTraces } from "../request-traces.ts";
import type { Route, ShopperCall } from "./route.ts";

const EXAMPLE: CheckoutRequest = {
  items: [{ sku_id: "tea-green", quantity: 2 }],
  currency: "EUR",
  email: "ada@example.com",
  payment_method: "pm_card_visa",
  shipping_address: {
    name: "Ada Lovelace",
    line1: "12 Hill St",
    city: "Berlin",
    postal_code: "10115",
    country: "DE",
  },
};

export interface CheckoutOptions {
  readonly orchestrator: Pick<OrchestratorClient, "startSaga" | "findSaga">;
  /** For payments that the bank wants confirmed; without it there are none. */
  readonly payment?: PaymentClient | undefined;
  /** Seals the payment method, so that only the payment service can read it. */
  readonly seal: (paymentMethod: string) => string;
  /** Carts in other currencies are rejected. */
  readonly currencies: ReadonlySet<string>;
  readonly limits?: Pick<GatewayLimits, "checkout" | "accepted"> | undefined;
  /** Without them nothing is traced. */
  readonly traces?: Pick<RequestTraces, "contextOf"> | undefined;
}

export function checkoutRoutes(options: CheckoutOptions): readonly Route[] {
  return [
    {
      method: "POST",
      path: "/api/v1/checkout",
      operationId: "startCheckout",
      tag: "checkout",
      summary: "Place a checkout",
      description:
        "Answers as soon as the checkout is stored. `status_url` then tells how it goes on. A retry with the same Idempotency-Key and the same body finds the same checkout and never charges twice. Besides its schema a body must have a currency that the shop charges (and that PayPal takes, with `paypal`), one e-mail address, and the parts of an address that its country uses.",
      access: "shopper",
      headers: {
        "Idempotency-Key": {
          description: "A new key for each checkout, for example a UUID; the same key for each retry.",
          schema: Type.String({ pattern: IDEMPOTENCY_KEY }),
          required: true,
        },
        traceparent: {
          description:
            "W3C trace context; an invalid one is ignored. With the sampled flag (`-01` at the end) this checkout is traced too, within a limit per second.",
          schema: Type.String(),
        },
      },
      body: CheckoutRequest,
      example: EXAMPLE,
      answers: {
        [STATUS_ACCEPTED]: {
          description: "The checkout is stored.",
          schema: CheckoutAccepted,
          links: {
            status: { operationId: "checkoutStatus", parameters: { id: "$response.body#/saga_id" } },
            events: { operationId: "checkoutEvents", parameters: { id: "$response.body#/saga_id" } },
          },
          headers: {
            Location: { description: "The same as `status_url`.", schema: Type.String(), required: true },
            "Idempotent-Replayed": {
              description: "Present if this key had started the checkout before.",
              schema: Type.Literal("true"),
            },
          },
        },
      },
      problems: [
        "invalid-json",
        "missing-idempotency-key",
        "body-too-large",
        "unsupported-media-type",
        "invalid-body",
        "card-number",
        "idempotency-key-reused",
        "service-unavailable",
      ],
      handle: (call) => startCheckout(options, call),
    },
  ];
}

async function startCheckout(
  options: CheckoutOptions,
  { request, set, userId }: ShopperCall,
): Promise<CheckoutAccepted> {
  const { saga_id, replayed } = await placeCheckout(options, { request, userId, from: request });
  const status_url = `/api/v1/saga/${saga_id}/status`;
  set.status = STATUS_ACCEPTED;
  set.headers["location"] = status_url;
  if (replayed) set.headers["idempotent-replayed"] = "true";
  return { saga_id, status_url };
}

interface PlaceCheckout {
  /** In the form of the API. */
  readonly request: Request;
  readonly userId: string;
  /** What the shopper's browser or client sent: the limits count by its address. */
  readonly from: Request;
  /** Of the page; otherwise what the client accepts is asked. */
  readonly language?: Language | null;
}

/** The one way into the saga, for clients of the API and for the storefront. */
export async function placeCheckout(
  { orchestrator, payment, seal, currencies, limits, traces }: CheckoutOptions,
  { request, userId, from, language = languageOf(from.headers.get("accept-language"), null) }: PlaceCheckout,
): Promise<SagaStarted> {
  const client_key = idempotencyKeyOf(request);
  const placing = { request: from, userId };
  const checkout = await checkoutOf(request, currencies);
  // Hashes the unsealed request: sealing gives a different text each time.
  const known = { user_id: userId, client_key, body_hash: hashOf(checkout) };
  const found = await limits?.checkout(placing, checkout.payment_method, () => orchestrator.findSaga(known));
  if (found !== undefined && found !== null) return found;
  const { payment_method, shipping_address, shopper_present, ...cart } = checkout;
  const traceparent = traces?.contextOf(from);
  const started = await orchestrator.startSaga({
    ...cart,
    ...known,
    // Without the way to the bank nobody could confirm, and stock would be held for nothing.
    ...(shopper_present === true && payment !== undefined ? { shopper_present } : {}),
    ...(language === null ? {} : { language }),
    // Stored addresses always have both, possibly empty: their readers rely on it.
    shipping_address: { city: "", postal_code: "", ...shipping_address },
    payment_method: seal(payment_method),
    ...(payment_method === PAYPAL ? { provider: PAYPAL } : {}),
    ...(traceparent === undefined ? {} : { traceparent }),
  });
  if (!started.replayed) limits?.accepted(placing, started.saga_id);
  return started;
}
