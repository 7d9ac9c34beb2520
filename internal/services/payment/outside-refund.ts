// A refund that no provider made: a person paid the shopper in another way. It stands in the column of the provider's id, which a refund that
// is done must have.

const PREFIX = "outside:";

export function outsideRefundId(payment_id: string): string {
  return `${PREFIX}${payment_id}`;
}

export function isOutsideRefund(provider_refund_id: string): boolean {
  return provider_refund_id.startsWith(PREFIX);
}
