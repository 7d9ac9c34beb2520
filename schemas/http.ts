// HTTP bodies: the public API of the gateway and the internal APIs behind it (orchestrator, inventory catalogue, orders). Requests are
// strict: an unknown field is rejected, not ignored, so that a typo cannot cost a shopper money.
import { type Static, type TSchema, Type } from "@sinclair/typebox";
import {
  Actor,
  CartItem,
  CartTotal,
  CategoriesByLanguage,
  Category,
  Cents,
  ChargedCard,
  Currency,
  DescriptionsByLanguage,
  Email,
  LanguageTag,
  MAX_CART_LINES,
  MAX_SEALED_LENGTH,
  NamesByLanguage,
  Picture,
  ProductDescription,
  PricedItem,
  ProductName,
  ProviderName,
  Reason,
  ShippingAddress,
  ShippingAddressInput,
  SkuId,
  Timestamp,
  Traceparent,
  Tracking,
  Uuid,
} from "./fields.ts";

const strict = { additionalProperties: false } as const;

/** 1 to 200 printable ASCII characters. */
export const IDEMPOTENCY_KEY = "^[\\x21-\\x7e]{1,200}$";

const cart = {
  items: Type.Array(Type.Object(CartItem.properties, strict), { minItems: 1, maxItems: MAX_CART_LINES }),
  currency: Currency,
  /** The total the shopper saw. If the server's total differs, the checkout ends as PRICE_CHANGED without a charge. */
  expected_total_cents: Type.Optional(Cents),
  email: Email,
  /**
   * The shopper is at a browser and can confirm the payment at the bank. Missing or false: whatever needs the shopper is a decline.
   */
  shopper_present: Type.Optional(Type.Boolean()),
};

/** POST /api/v1/checkout */
export const CheckoutRequest = Type.Object(
  {
    ...cart,
    shipping_address: ShippingAddressInput,
    /** A token of the card provider; or `paypal`, which needs `shopper_present`: the shopper approves the payment at PayPal's page. */
    payment_method: Type.String({ pattern: "^[A-Za-z0-9_-]{1,200}$" }),
  },
  strict,
);
/** The payment method of whoever pays at PayPal, and the provider's name. */
export const PAYPAL = "paypal";
export type CheckoutRequest = Static<typeof CheckoutRequest>;

/** 202 answer of POST /api/v1/checkout */
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

/**
 * Where the shopper's money is. `authorized`: held at the bank, not taken. `returning`: it was taken and is on its way back.
 * `returned`: the provider has sent it back; a bank may still refuse it, and then the shop finds another way.
 * `unknown`: not known yet; the shopper must not pay again.
 */
export const MoneyState = Type.Union(
  (["none", "authorized", "taken", "returning", "returned", "unknown"] as const).map((state) =>
    Type.Literal(state),
  ),
);
export type MoneyState = Static<typeof MoneyState>;

/** What the shopper has to do. GET /api/v1/saga/{id}/action has the address of a redirect. */
export const NextAction = Type.Object({
  kind: Type.Literal("redirect"),
  expires_at: Timestamp,
  /** POST /api/v1/saga/{id}/extend gives the shopper more time. Missing or false: there is no more. */
  extendable: Type.Optional(Type.Boolean()),
});
export type NextAction = Static<typeof NextAction>;

/** A cart line that could not be reserved. `unknown`: there is no such product. */
export const ShortLine = Type.Object({
  sku_id: SkuId,
  reason: Type.Union([Type.Literal("short"), Type.Literal("unknown"), Type.Literal("other_currency")]),
});
export type ShortLine = Static<typeof ShortLine>;

/** GET /api/v1/saga/{id}/status */
export const SagaStatusView = Type.Object({
  saga_id: Uuid,
  status: SagaStatus,
  current_step: Type.Union([Type.String(), Type.Null()]),
  compensation_step: Type.Union([Type.String(), Type.Null()]),
  failure_code: Type.Union([Type.String(), Type.Null()]),
  order_id: Type.Union([Uuid, Type.Null()]),
  /** Also set for a cart that was rejected as too expensive. */
  total_cents: Type.Union([CartTotal, Type.Null()]),
  currency: Currency,
  created_at: Timestamp,
  updated_at: Timestamp,
  completed_at: Type.Union([Timestamp, Type.Null()]),
  money: Type.Optional(MoneyState),
  /** Only while the checkout waits for the shopper. */
  next_action: Type.Optional(NextAction),
  /** When an unfinished checkout gives up by itself. */
  deadline_at: Type.Optional(Timestamp),
  /** Only for a failure: the shopper may order the same cart again, perhaps with another card or at the new price. */
  retryable: Type.Optional(Type.Boolean()),
  /** Only if lines could not be reserved. */
  lines_short: Type.Optional(Type.Array(ShortLine)),
  /** Only while a completed checkout's order is being cancelled, and it is not certain yet that its parcel is not on its way. */
  cancelling: Type.Optional(Type.Boolean()),
  /** Only for PRICE_CHANGED: what the cart costs now. */
  new_total_cents: Type.Optional(CartTotal),
});
export type SagaStatusView = Static<typeof SagaStatusView>;

/**
 * GET /payments/:saga_id/action on payment, and GET /api/v1/saga/{id}/action: the bank's page for this payment. The address holds a
 * secret: it is never stored and never logged.
 */
export const PaymentAction = Type.Object({
  kind: Type.Literal("redirect"),
  url: Type.String({ minLength: 1, maxLength: 4_096 }),
  expires_at: Timestamp,
});
export type PaymentAction = Static<typeof PaymentAction>;

/** POST /payments/:saga_id/check on payment, and POST /api/v1/saga/{id}/check: whether the payment is looked up now. */
export const PaymentCheck = Type.Object({ checking: Type.Boolean() });
export type PaymentCheck = Static<typeof PaymentCheck>;

/** POST /sagas/:id/extend-action on the orchestrator: the shopper needs more time at the bank. */
export const ExtendAction = Type.Object({ user_id: Uuid }, strict);
export type ExtendAction = Static<typeof ExtendAction>;

/** The answer to it, and to POST /api/v1/saga/{id}/extend: until when the checkout waits now. The same when asked again. */
export const ActionExtended = Type.Object({ expires_at: Timestamp });
export type ActionExtended = Static<typeof ActionExtended>;

/** The error answer of payment's internal API. */
export const PaymentApiFault = Type.Object({
  error: Type.Union([
    Type.Literal("NO_OPEN_ACTION"),
    Type.Literal("UNAUTHENTICATED"),
    Type.Literal("FORBIDDEN"),
    Type.Literal("INVALID_REQUEST"),
    Type.Literal("UNAVAILABLE"),
    Type.Literal("INTERNAL"),
  ]),
  detail: Type.Optional(Type.String()),
});
export type PaymentApiFault = Static<typeof PaymentApiFault>;
/**
 * GET /sagas?user_id=&open=1 on the orchestrator: the user's sagas that have not finished, newest first. With `saga_ids=a,b` instead of
 * `open`: those of up to 100 sagas that are the user's, in any order.
 */
export const OpenSagas = Type.Object({ sagas: Type.Array(SagaStatusView) });
export type OpenSagas = Static<typeof OpenSagas>;

/** POST /sagas on the orchestrator: a checkout whose shopper is known and whose payment method is sealed. */
export const StartSaga = Type.Object(
  {
    ...cart,
    shipping_address: Type.Object(ShippingAddress.properties, strict),
    user_id: Uuid,
    /** Sealed: a compact JWE, so base64url and dots. */
    payment_method: Type.String({ maxLength: MAX_SEALED_LENGTH, pattern: "^[A-Za-z0-9._-]+$" }),
    client_key: Type.String({ pattern: IDEMPOTENCY_KEY }),
    /** SHA-256 of the shopper's body in hex: the same Idempotency-Key with another body is rejected. */
    body_hash: Type.String({ pattern: "^[0-9a-f]{64}$" }),
    /** In the same format as in messages: services would reject messages with an invalid one, and the checkout would stop. */
    traceparent: Type.Optional(Traceparent),
    /** In which the shopper reads: of the page, or of the client's Accept-Language. For the mails; it is no part of `body_hash`. */
    language: Type.Optional(LanguageTag),
    /** Who takes the money. Missing: the default provider. */
    provider: Type.Optional(ProviderName),
  },
  strict,
);
export type StartSaga = Static<typeof StartSaga>;

/** POST /sagas/find: a checkout that may have started a saga before. The answer is that saga, and nothing is started. */
export const FindSaga = Type.Pick(StartSaga, ["user_id", "client_key", "body_hash"], strict);
export type FindSaga = Static<typeof FindSaga>;

/** Answer to POST /sagas and /sagas/find. `replayed`: the client key was already used with the same body. */
export const SagaStarted = Type.Object({ saga_id: Uuid, replayed: Type.Boolean() });
export type SagaStarted = Static<typeof SagaStarted>;

/** Ignored: who acts is in the request's token. Services before internal tokens demand it. */
const FormerActor = Type.Optional(Actor);

/** Header of an operator's request: where they are, an IP address, told by the console that sends it for them. For the audit trail. */
export const OPERATOR_ADDRESS = "x-operator-address";

/** POST /sagas/:id/cancel on the orchestrator: the operator whose token the request has starts a saga's compensation. */
export const CancelSaga = Type.Object({ reason: Reason, actor: FormerActor }, strict);
export type CancelSaga = Static<typeof CancelSaga>;

/** POST /sagas/:id/trace on the orchestrator: the operator whose token the request has wants a saga traced from now on. */
export const TraceSaga = Type.Object({ reason: Reason }, strict);
export type TraceSaga = Static<typeof TraceSaga>;

/** Answer to a trace: 202 if it starts now, 200 if the saga was traced before. */
export const SagaTraced = Type.Object({
  saga_id: Uuid,
  trace_id: Type.String({ pattern: "^[0-9a-f]{32}$" }),
});
export type SagaTraced = Static<typeof SagaTraced>;

/** Answer to a cancel with the current state: 202 if it started compensation, 200 if compensation had already started. */
export const SagaCancelled = Type.Object({
  saga_id: Uuid,
  status: SagaStatus,
  compensation_step: Type.Union([Type.String(), Type.Null()]),
  failure_code: Type.String(),
  failure_message: Type.String(),
});
export type SagaCancelled = Static<typeof SagaCancelled>;

/** POST /sagas/:id/cancel-order on the orchestrator: an operator, or the gateway for the shopper, cancels the order of a completed checkout. */
export const CancelOrderRequest = Type.Object(
  {
    order_id: Uuid,
    reason: Reason,
    /** The shopper who asks, from the gateway, and only from it: another user's checkout is then unknown. */
    user_id: Type.Optional(Uuid),
    actor: FormerActor,
  },
  strict,
);
export type CancelOrderRequest = Static<typeof CancelOrderRequest>;

/** Answer to it: 202 if it started the cancellation, 200 if there was one already. */
export const OrderCancelling = Type.Object({
  cancellation_id: Uuid,
  saga_id: Uuid,
  order_id: Uuid,
  status: Type.Union([Type.Literal("CANCELLING"), Type.Literal("CANCELLED"), Type.Literal("REFUSED")]),
  step: Type.Union([Type.Literal("order"), Type.Literal("refund"), Type.Literal("release")]),
  needs_operator: Type.Boolean(),
});
export type OrderCancelling = Static<typeof OrderCancelling>;

/** The orchestrator's error answer; `detail` is for people. */
export const SagaApiFault = Type.Object({
  error: Type.Union([
    Type.Literal("CLIENT_KEY_REUSED"),
    Type.Literal("NO_SUCH_SAGA"),
    Type.Literal("TOO_LATE"),
    Type.Literal("NOT_COMPLETED"),
    Type.Literal("NOT_EXTENDABLE"),
    Type.Literal("UNAUTHENTICATED"),
    Type.Literal("FORBIDDEN"),
    Type.Literal("TRACING_OFF"),
    Type.Literal("INVALID_REQUEST"),
    Type.Literal("UNAVAILABLE"),
    Type.Literal("INTERNAL"),
  ]),
  detail: Type.Optional(Type.String()),
});
export type SagaApiFault = Static<typeof SagaApiFault>;

/** One SKU of the catalogue. `name` and `description` are in the shop's own language, the others by language tag. */
export const CatalogueItem = Type.Object(
  {
    sku_id: SkuId,
    name: ProductName,
    unit_price_cents: Cents,
    currency: Currency,
    available_count: Type.Integer({ minimum: 0 }),
    category: Type.Optional(Category),
    description: Type.Optional(ProductDescription),
    names: Type.Optional(NamesByLanguage),
    descriptions: Type.Optional(DescriptionsByLanguage),
    categories: Type.Optional(CategoriesByLanguage),
    picture: Type.Optional(Picture),
    /** All pieces ever put on the shelf; only with `?totals=true`, for operators. */
    stocked_count: Type.Optional(Type.Integer({ minimum: 0 })),
  },
  strict,
);
export type CatalogueItem = Static<typeof CatalogueItem>;

/**
 * GET /catalogue on inventory, in SKU order. `?after=` with `next` returns the next page; null at the end. `?skus=a,b` returns those of
 * up to MAX_CART_LINES SKUs that exist, with `next` null.
 */
export const CataloguePage = Type.Object({
  items: Type.Array(CatalogueItem),
  next: Type.Union([SkuId, Type.Null()]),
});
export type CataloguePage = Static<typeof CataloguePage>;

const StockCount = Type.Integer({ minimum: 0, maximum: 1_000_000_000 });
const orNothing = <Schema extends TSchema>(schema: Schema) =>
  Type.Optional(Type.Union([schema, Type.Null()]));

/**
 * PUT /catalogue on inventory: sets name and price, and changes the stock in one of two ways. `add_count` adds a delivery: a repeat adds
 * again, unless both requests have the same Idempotency-Key (a UUID). `stock_total` sets the number of pieces that were ever put on the
 * shelf, sold ones included, so a repeat changes nothing. Of the other fields, an absent one stays as it is and null removes it. The
 * answer has the resulting items. `?dry_run=true` changes nothing; the items are then those before the change.
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
          add_count: Type.Optional(StockCount),
          stock_total: Type.Optional(StockCount),
          category: orNothing(Category),
          description: orNothing(ProductDescription),
          names: orNothing(NamesByLanguage),
          descriptions: orNothing(DescriptionsByLanguage),
          categories: orNothing(CategoriesByLanguage),
          picture: orNothing(Picture),
        },
        strict,
      ),
      { minItems: 1, maxItems: 1_000 },
    ),
  },
  strict,
);
export type RestockRequest = Static<typeof RestockRequest>;

/** What a PUT /catalogue changed, or with `dry_run` would change. */
export const CatalogueChanges = Type.Object({
  /** Products. */
  created: Type.Integer({ minimum: 0 }),
  changed: Type.Integer({ minimum: 0 }),
  unchanged: Type.Integer({ minimum: 0 }),
  /** Pieces. */
  stock_added: Type.Integer({ minimum: 0 }),
  stock_removed: Type.Integer({ minimum: 0 }),
});
export type CatalogueChanges = Static<typeof CatalogueChanges>;

/** The answer to PUT /catalogue. */
export const RestockAnswer = Type.Object({
  items: Type.Array(CatalogueItem),
  changes: CatalogueChanges,
});
export type RestockAnswer = Static<typeof RestockAnswer>;
export const ORDER_STATUSES = ["CONFIRMED", "SHIPPED", "DELIVERED", "CANCELLED"] as const;
export const OrderStatus = Type.Union(ORDER_STATUSES.map((status) => Type.Literal(status)));
export type OrderStatus = (typeof ORDER_STATUSES)[number];

const timestampOrNull = Type.Union([Timestamp, Type.Null()]);

/** One order of a shopper. GET /orders/:id?user_id= on the order service. */
export const OrderView = Type.Object({
  order_id: Uuid,
  /** What the shop's pages and mails call the order. Only in the public API; almost certainly unique, so `order_id` is what identifies it. */
  order_number: Type.Optional(
    Type.String({ pattern: "^[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{4}$" }),
  ),
  saga_id: Uuid,
  status: OrderStatus,
  items: Type.Array(PricedItem),
  total_cents: Cents,
  currency: Currency,
  shipping_address: ShippingAddress,
  created_at: Timestamp,
  shipped_at: timestampOrNull,
  delivered_at: timestampOrNull,
  cancelled_at: timestampOrNull,
  tracking: Type.Union([Tracking, Type.Null()]),
  /** The card that was charged. Missing if it is not known, and after the shopper's data was erased. */
  card: Type.Optional(ChargedCard),
});
export type OrderView = Static<typeof OrderView>;

/** GET /orders?user_id= on the order service, newest first. `?after=` with `next` returns the next page; null at the end. */
export const OrderPage = Type.Object({
  orders: Type.Array(OrderView),
  next: Type.Union([Uuid, Type.Null()]),
});
export type OrderPage = Static<typeof OrderPage>;

/** Answer to POST /api/v1/orders/{id}/cancel. `CANCELLING`: it may still turn out that the parcel is on its way. */
export const OrderCancellationView = Type.Object({
  order_id: Uuid,
  status: Type.Union([Type.Literal("CANCELLING"), Type.Literal("CANCELLED")]),
});
export type OrderCancellationView = Static<typeof OrderCancellationView>;

/** POST /orders/:id/ship on the order service. Without tracking the parcel has none. */
export const ShipOrder = Type.Object(
  {
    reason: Reason,
    actor: FormerActor,
    tracking: Type.Optional(Type.Object(Tracking.properties, strict)),
    /** Replaces the tracking of an order that was shipped with another one. */
    correct: Type.Optional(Type.Boolean()),
  },
  strict,
);
export type ShipOrder = Static<typeof ShipOrder>;

/** POST /orders/:id/deliver on the order service. */
export const DeliverOrder = Type.Object({ reason: Reason, actor: FormerActor }, strict);
export type DeliverOrder = Static<typeof DeliverOrder>;

/** Answer to both. `changed` is false if the order was already so. */
export const ShipmentRecorded = Type.Object({
  changed: Type.Boolean(),
  order_id: Uuid,
  saga_id: Uuid,
  status: OrderStatus,
  tracking: Type.Union([Tracking, Type.Null()]),
});
export type ShipmentRecorded = Static<typeof ShipmentRecorded>;

/** RFC 9457 */
export const Problem = Type.Object({
  type: Type.String(),
  title: Type.String(),
  status: Type.Integer(),
  detail: Type.Optional(Type.String()),
  instance: Type.Optional(Type.String()),
  errors: Type.Optional(Type.Array(Type.Object({ path: Type.String(), message: Type.String() }))),
  /** Of a fault of ours whose request is traced. */
  trace_id: Type.Optional(Type.String({ pattern: "^[0-9a-f]{32}$" })),
});
export type Problem = Static<typeof Problem>;
