// What a person must know about money: the kinds of payment alerts. Data only; differences.ts finds most of them.

export const DIFFERENCE_KINDS = [
  /** The provider took or holds money for which we have no payment. */
  "charge_without_payment",
  /** The payment is paid, but the provider has no such charge. */
  "payment_without_charge",
  /** The provider took money for one saga twice. */
  "charged_twice",
  /** The charge of one saga's payment names another saga. */
  "saga_differs",
  /** Amount or currency differs. */
  "amount_differs",
  /** Only one side says that money moved, or is held. */
  "status_differs",
  /** A refund is unknown to one side, or has another amount. */
  "refund_differs",
  /** The provider could not give the money back, at once or after it had said that it did. */
  "refund_failed",
  /** Somebody refunded at the provider, and not through this system. */
  "refund_elsewhere",
  /** The shopper asked their bank to take the money back. */
  "dispute",
] as const;
export type DifferenceKind = (typeof DIFFERENCE_KINDS)[number];

export interface Difference {
  readonly kind: DifferenceKind;
  /**
   * The provider's id of the charge, of the refund for the kinds of refunds, or of the dispute. It has at most one difference at a time.
   */
  readonly subject: string;
  readonly saga_id: string | null;
  /** What each side says, for a person. */
  readonly detail: string;
}
