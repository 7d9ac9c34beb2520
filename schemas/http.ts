// HTTP bodies: the public API of the gateway and the two internal APIs behind it (orchestrator, inventory catalogue).
// Requests are strict: an unknown field is refused rather than ignored, so that a typo cannot cost a shopper money.
import { type Static, Type } from "@sinclair/typebox";
import {
  Actor,
  CartItem,
  CartTotal,
  Cents,
  Currency,
  Email,
  MAX_CART_LINES,
  MAX_SEALED_LENGTH,
  ProductName,
  Reason,
  ShippingAddress,
  ShippingAddressInput,
  SkuId,
  Timestamp,
  Traceparent,
  Uuid,
} from "./fields.ts";

const strict = { additionalProperties: false } as const;

/** 1 to 200 printable characters of ASCII. */
export const IDEMPOTENCY_KEY = "^[\\x21-\\x7e]{1,200}$";

const cart = {
  items: Type.Array(Type.Object(CartItem.properties, strict), { minItems: 1, maxItems: MAX_CART_LINES }),
  currency: Currency,
  /** What the shopper saw. If the server's prices give another total, the checkout ends as PRICE_CHANGED, uncharged. */
  expected_total_cents: Type.Optional(Cents),
  email: Email,
};

/** POST /api/v1/checkout */
export const CheckoutRequest = Type.Object(
  {
    ...cart,
    shipping_address: ShippingAddressInput,
    payment_method: Type.String({ pattern: "^[A-Za-z0-9_-]{1,200}$" }),
  },
  strict,
);
export type CheckoutRequest = Static<typeof CheckoutRequest>;

/** 202 of POST /api/v1/checkout */
export const CheckoutAccepted = Type.Object({ saga_id: Uuid, status_url: Type.String() });
export type CheckoutAccepted = Static<typeof CheckoutAccepted>;

export const SAGA_STATUSES = [
  "STARTED",
  "INVENTORY_RESERVED",
  "PAYMENT_CHARGED",
  "ORDER_CREATED",
  "COMPLETED",
  "COMPENSATING",
  "COMPENSATED",
  "FAILED",
] as const;
export const SagaStatus = Type.Union(SAGA_STATUSES.map((status) => Type.Literal(status)));
export type SagaStatus = (typeof SAGA_STATUSES)[number];

/** GET /api/v1/saga/{id}/status */
export const SagaStatusView = Type.Object({
  saga_id: Uuid,
  status: SagaStatus,
  current_step: Type.Union([Type.String(), Type.Null()]),
  compensation_step: Type.Union([Type.String(), Type.Null()]),
  failure_code: Type.Union([Type.String(), Type.Null()]),
  order_id: Type.Union([Uuid, Type.Null()]),
  /** Also of a cart that was refused as too dear. */
  total_cents: Type.Union([CartTotal, Type.Null()]),
  currency: Currency,
  created_at: Timestamp,
  updated_at: Timestamp,
  completed_at: Type.Union([Timestamp, Type.Null()]),
});
export type SagaStatusView = Static<typeof SagaStatusView>;

/** POST /sagas on the orchestrator: a checkout whose shopper is known and whose payment method is sealed. */
export const StartSaga = Type.Object(
  {
    ...cart,
    shipping_address: Type.Object(ShippingAddress.properties, strict),
    user_id: Uuid,
    /** Sealed: a JWE in compact form, so base64url and points. */
    payment_method: Type.String({ maxLength: MAX_SEALED_LENGTH, pattern: "^[A-Za-z0-9._-]+$" }),
    client_key: Type.String({ pattern: IDEMPOTENCY_KEY }),
    /** SHA-256 of the shopper's body, hex: the same Idempotency-Key with another body is refused. */
    body_hash: Type.String({ pattern: "^[0-9a-f]{64}$" }),
    /** As the messages carry it: with another one none of them would be taken, and the checkout would stand still. */
    traceparent: Type.Optional(Traceparent),
  },
  strict,
);
export type StartSaga = Static<typeof StartSaga>;

/** Answer to POST /sagas. `replayed` where the client key had been used with the same body before. */
export const SagaStarted = Type.Object({ saga_id: Uuid, replayed: Type.Boolean() });
export type SagaStarted = Static<typeof SagaStarted>;

/** POST /sagas/:id/cancel on the orchestrator: an operator, by name, starts a saga's compensation. */
export const CancelSaga = Type.Object({ actor: Actor, reason: Reason }, strict);
export type CancelSaga = Static<typeof CancelSaga>;

/** Answer to it: 202 where this started the compensation, 200 where it had started before; how it stands now. */
export const SagaCancelled = Type.Object({
  saga_id: Uuid,
  status: SagaStatus,
  compensation_step: Type.Union([Type.String(), Type.Null()]),
  failure_code: Type.String(),
  failure_message: Type.String(),
});
export type SagaCancelled = Static<typeof SagaCancelled>;

/** What the orchestrator's API answers when it does not do what was asked; `detail` is for people. */
export const SagaApiFault = Type.Object({
  error: Type.Union([
    Type.Literal("CLIENT_KEY_REUSED"),
    Type.Literal("NO_SUCH_SAGA"),
    Type.Literal("TOO_LATE"),
    Type.Literal("INVALID_REQUEST"),
    Type.Literal("UNAVAILABLE"),
    Type.Literal("INTERNAL"),
  ]),
  detail: Type.Optional(Type.String()),
});
export type SagaApiFault = Static<typeof SagaApiFault>;

/** One SKU of the catalogue, as the shop shows it. */
export const CatalogueItem = Type.Object(
  {
    sku_id: SkuId,
    name: ProductName,
    unit_price_cents: Cents,
    currency: Currency,
    available_count: Type.Integer({ minimum: 0 }),
  },
  strict,
);
export type CatalogueItem = Static<typeof CatalogueItem>;

/** GET /catalogue on inventory, in SKU order. `next` continues the list as `?after=`; null at its end. */
export const CataloguePage = Type.Object({
  items: Type.Array(CatalogueItem),
  next: Type.Union([SkuId, Type.Null()]),
});
export type CataloguePage = Static<typeof CataloguePage>;

/**
 * PUT /catalogue on inventory: sets name and price, and adds `add_count` to the stock. Repeating it adds again, unless both
 * carry the same Idempotency-Key (a UUID). Answered by the items as they are then.
 */
export const RestockRequest = Type.Object(
  {
    items: Type.Array(
      Type.Object(
        {
          sku_id: SkuId,
          name: ProductName,
          unit_price_cents: Cents,
          currency: Currency,
          add_count: Type.Integer({ minimum: 0, maximum: 1_000_000_000 }),
        },
        strict,
      ),
      { minItems: 1, maxItems: 1_000 },
    ),
  },
  strict,
);
export type RestockRequest = Static<typeof RestockRequest>;

/** RFC 9457 */
export const Problem = Type.Object({
  type: Type.String(),
  title: Type.String(),
  status: Type.Integer(),
  detail: Type.Optional(Type.String()),
  instance: Type.Optional(Type.String()),
  errors: Type.Optional(Type.Array(Type.Object({ path: Type.String(), message: Type.String() }))),
});
export type Problem = Static<typeof Problem>;
