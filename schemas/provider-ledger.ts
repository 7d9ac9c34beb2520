// One line of the provider simulator's ledger file. The simulator writes it before it answers and restores its state from it. The
// auditor trusts it more than every database. Money moved exactly if `kind` is `charge` (to us) or `refund` (back), unless a `refund_failed`
// of the same refund follows.
import { type Static, type TSchema, Type } from "@sinclair/typebox";

const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);
const Amount = Type.Integer({ minimum: 1 });
const Currency = Type.String({ pattern: "^[A-Z]{3}$" });
const Metadata = Type.Record(Type.String(), Type.String());

/** An error answer in Stripe's format. */
export const ProviderError = Type.Object({
  /** HTTP status. */
  status: Type.Integer({ minimum: 400, maximum: 599 }),
  type: Type.Union([
    Type.Literal("api_error"),
    Type.Literal("card_error"),
    Type.Literal("idempotency_error"),
    Type.Literal("invalid_request_error"),
  ]),
  message: Type.String(),
  code: Type.Optional(Type.String()),
  decline_code: Type.Optional(Type.String()),
  param: Type.Optional(Type.String()),
});
export type ProviderError = Static<typeof ProviderError>;

const entry = {
  /** 1, 2, 3, ... without gaps. */
  seq: Type.Integer({ minimum: 1 }),
  /** Milliseconds since the Unix epoch, by the provider's clock. */
  at_ms: Type.Integer({ minimum: 0 }),
};

/** Fields of every executed request, whether or not money moved. */
const executed = {
  ...entry,
  payment_intent: Type.String(),
  /** `metadata.saga_id` as sent by the client with the intent or the refund. */
  saga_id: Nullable(Type.String()),
  idempotency_key: Nullable(Type.String()),
  /** Fingerprint of endpoint and parameters: the same key with another fingerprint is rejected. */
  fingerprint: Type.String(),
  /** True if the simulator hid the result from the client on purpose: connection cut, delayed past its timeout, or a 500. */
  reply_lost: Type.Boolean(),
  /** The answer stored under the key, if it is an error and not the object. */
  error: Nullable(ProviderError),
};

const refund = {
  refund: Type.String(),
  amount_cents: Amount,
  currency: Currency,
  reason: Nullable(Type.String()),
  metadata: Metadata,
};

/** What happened later, without a request. */
const later = { ...entry, payment_intent: Type.String(), saga_id: Nullable(Type.String()) };

const intent = {
  amount_cents: Amount,
  currency: Currency,
  payment_method: Nullable(Type.String()),
  description: Nullable(Type.String()),
  metadata: Metadata,
  /** The card's money is only held, and a capture takes it. Missing: it is taken at once. */
  capture_method: Type.Optional(Type.Literal("manual")),
};

export const ProviderLedgerEntry = Type.Union([
  /** A payment intent was created and confirmed, and its card was charged; or the money that it held was captured. */
  Type.Object({ ...executed, kind: Type.Literal("charge"), ...intent }),
  /** A payment intent was created and confirmed, and its card was declined. */
  Type.Object({ ...executed, kind: Type.Literal("decline"), ...intent, error: ProviderError }),
  /** A payment intent was created and confirmed, and the amount is held on its card. A `charge` takes it, a `cancel` releases it. */
  Type.Object({
    ...executed,
    kind: Type.Literal("hold"),
    ...intent,
    /** Then it is released. Milliseconds since the Unix epoch. */
    capture_before_ms: Type.Integer({ minimum: 0 }),
  }),
  /**
   * A payment intent was created and confirmed, and the bank wants the shopper to confirm it. What the shopper does there follows as a
   * `charge`, `hold` or `decline` of the same intent.
   */
  Type.Object({ ...executed, kind: Type.Literal("action"), ...intent, return_url: Type.String() }),
  /** A payment intent was created but not confirmed. */
  Type.Object({ ...executed, kind: Type.Literal("intent"), ...intent }),
  Type.Object({ ...executed, kind: Type.Literal("cancel"), reason: Nullable(Type.String()) }),
  Type.Object({ ...executed, kind: Type.Literal("refund"), ...refund }),
  /** A refund was taken on. No money moved yet: a `refund` or a `refund_failed` of the same id follows. */
  Type.Object({ ...executed, kind: Type.Literal("refund_pending"), ...refund }),
  /** The refund gives nothing back, and never will. If its money had moved, it came back to us. */
  Type.Object({
    ...later,
    kind: Type.Literal("refund_failed"),
    refund: Type.String(),
    amount_cents: Amount,
    currency: Currency,
    reason: Type.String(),
  }),
  /** The shopper asked their bank to take the money back. */
  Type.Object({
    ...later,
    kind: Type.Literal("dispute"),
    dispute: Type.String(),
    amount_cents: Amount,
    currency: Currency,
    reason: Type.String(),
    /** Until when evidence is taken. */
    due_by_ms: Type.Integer({ minimum: 0 }),
  }),
  Type.Object({
    ...later,
    kind: Type.Literal("dispute_closed"),
    dispute: Type.String(),
    outcome: Type.Union([Type.Literal("won"), Type.Literal("lost")]),
  }),
  /** Executed with no effect except the stored answer. */
  Type.Object({
    ...executed,
    kind: Type.Literal("refusal"),
    payment_intent: Nullable(Type.String()),
    error: ProviderError,
  }),
  /** The control API expired these idempotency keys, or all (null). */
  Type.Object({ ...entry, kind: Type.Literal("keys_expired"), keys: Nullable(Type.Array(Type.String())) }),
]);
export type ProviderLedgerEntry = Static<typeof ProviderLedgerEntry>;
