// One line of the ledger file of the simulator's PayPal face. The simulator writes it before it answers and restores its state from it.
// The auditor trusts it more than every database. Money moved exactly if `kind` is `capture` (to us) or `refund` (back).
import { type Static, type TSchema, Type } from "@sinclair/typebox";

const Nullable = <T extends TSchema>(schema: T) => Type.Union([schema, Type.Null()]);

const entry = {
  /** 1, 2, 3, ... without gaps. */
  seq: Type.Integer({ minimum: 1 }),
  /** Milliseconds since the Unix epoch, by the provider's clock. */
  at_ms: Type.Integer({ minimum: 0 }),
};

/** Fields of every executed request. */
const executed = {
  ...entry,
  order: Type.String(),
  /** `custom_id` of the order. */
  saga_id: Nullable(Type.String()),
  /** PayPal-Request-Id; null at the approval page and without one. */
  request_id: Nullable(Type.String()),
  /** Fingerprint of endpoint and body: the same key with another fingerprint is refused. */
  fingerprint: Type.String(),
  /** True if the simulator hid the result from the client on purpose: connection cut, delayed past its timeout, or a 500. */
  reply_lost: Type.Boolean(),
};

/** PayPal's decimal text of the amount, without decimals in HUF, JPY and TWD. */
const money = {
  value: Type.String({ pattern: "^[0-9]+([.][0-9]{2})?$" }),
  currency: Type.String({ pattern: "^[A-Z]{3}$" }),
};

export const PayPalLedgerEntry = Type.Union([
  Type.Object({
    ...executed,
    ...money,
    kind: Type.Literal("order"),
    intent: Type.String(),
    reference_id: Type.String(),
    invoice_id: Nullable(Type.String()),
    return_url: Type.String(),
    cancel_url: Type.String(),
  }),
  /**
   * The payer's answer at the approval page. `declined`: approved, with a way to pay that will be declined. `capture_declined`: with one whose
   * money can be held, and is declined when it is taken.
   */
  Type.Object({
    ...executed,
    kind: Type.Literal("approval"),
    answer: Type.Union([
      Type.Literal("approved"),
      Type.Literal("declined"),
      Type.Literal("capture_declined"),
      Type.Literal("refused"),
    ]),
  }),
  /** A PATCH replaced the order's intent. */
  Type.Object({ ...executed, kind: Type.Literal("intent"), intent: Type.String() }),
  Type.Object({ ...executed, ...money, kind: Type.Literal("authorization"), authorization: Type.String() }),
  Type.Object({ ...executed, kind: Type.Literal("void"), authorization: Type.String() }),
  Type.Object({
    ...executed,
    ...money,
    kind: Type.Literal("capture"),
    capture: Type.String(),
    authorization: Nullable(Type.String()),
  }),
  Type.Object({
    ...executed,
    ...money,
    kind: Type.Literal("refund"),
    capture: Type.String(),
    refund: Type.String(),
    /** As requested; null or missing if it has that of its order. */
    custom_id: Type.Optional(Nullable(Type.String())),
  }),
  /** The control API expired these keys, or all (null). */
  Type.Object({ ...entry, kind: Type.Literal("keys_expired"), keys: Nullable(Type.Array(Type.String())) }),
]);
export type PayPalLedgerEntry = Static<typeof PayPalLedgerEntry>;
