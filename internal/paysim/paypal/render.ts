// PayPal's objects as JSON, by the schemas of its OpenAPI documents. Called by the server and for webhook events.
import { assertNever } from "../../kernel/errors.ts";
import type { Authorization, Capture, Named, Order, PayPalLedger, Refund } from "./ledger.ts";
import { hundredths, type Money } from "./money.ts";

/** Where the API and the approval page are reached; links are made of both. */
export interface Addresses {
  readonly api: string;
  readonly pages: string;
}

const amountOf = ({ value, currency }: Money) => ({ currency_code: currency, value });
const timeOf = (epochMs: number) => `${new Date(epochMs).toISOString().slice(0, -5)}Z`;

/** What a key or an id names, as it is now. */
export function renderNamed(ledger: PayPalLedger, { kind, id }: Named, addresses: Addresses): object | null {
  switch (kind) {
    case "order": {
      const order = ledger.orders.get(id);
      return order === undefined ? null : renderOrder(ledger, order, addresses);
    }
    case "authorization": {
      const order = ledger.orderOf(id);
      return order?.authorization ? renderAuthorization(order, order.authorization, addresses) : null;
    }
    case "capture": {
      const capture = ledger.captures.get(id);
      return capture === undefined ? null : renderCapture(ledger, capture, addresses);
    }
    case "refund": {
      const refund = ledger.refunds.get(id);
      return refund === undefined ? null : renderRefund(ledger, refund, addresses);
    }
    default:
      return assertNever(kind);
  }
}

export function renderOrder(ledger: PayPalLedger, order: Order, addresses: Addresses) {
  const { authorization, capture } = order;
  const refunds = capture === null ? [] : ledger.refundsOf(capture.id);
  const payments = {
    ...(authorization === null
      ? {}
      : { authorizations: [renderAuthorization(order, authorization, addresses)] }),
    ...(capture === null ? {} : { captures: [renderCapture(ledger, capture, addresses)] }),
    ...(refunds.length === 0 ? {} : { refunds: refunds.map((one) => renderRefund(ledger, one, addresses)) }),
  };
  const self = `${addresses.api}/v2/checkout/orders/${order.id}`;
  const links = [link(self, "self", "GET")];
  if (order.status === "CREATED")
    links.push(link(`${addresses.pages}/checkoutnow?token=${order.id}`, "approve", "GET"));
  return {
    id: order.id,
    intent: order.intent,
    status: order.status,
    create_time: timeOf(order.createdMs),
    purchase_units: [
      {
        reference_id: order.referenceId,
        amount: amountOf(order),
        ...oursOf(order),
        ...(Object.keys(payments).length === 0 ? {} : { payments }),
      },
    ],
    links,
  };
}

function renderAuthorization(order: Order, authorization: Authorization, { api }: Addresses) {
  const { id, status, createdMs } = authorization;
  return {
    id,
    status,
    amount: amountOf(authorization),
    ...oursOf(order),
    create_time: timeOf(createdMs),
    supplementary_data: { related_ids: { order_id: order.id } },
    links: [link(`${api}/v2/payments/authorizations/${id}`, "self", "GET")],
  };
}

export function renderCapture(ledger: PayPalLedger, capture: Capture, { api }: Addresses) {
  const { id, createdMs, orderId } = capture;
  const refunded = ledger.refundedHundredths(id);
  const status =
    refunded === 0 ? "COMPLETED" : refunded < hundredths(capture.value) ? "PARTIALLY_REFUNDED" : "REFUNDED";
  return {
    id,
    status,
    amount: amountOf(capture),
    ...oursOf(ledger.orders.get(orderId)),
    final_capture: true,
    create_time: timeOf(createdMs),
    supplementary_data: { related_ids: { order_id: orderId } },
    links: [link(`${api}/v2/payments/captures/${id}`, "self", "GET")],
  };
}

export function renderRefund(ledger: PayPalLedger, refund: Refund, { api }: Addresses) {
  const { id, captureId, createdMs, customId } = refund;
  const order = ledger.orders.get(ledger.captures.get(captureId)?.orderId ?? "");
  return {
    id,
    status: "COMPLETED",
    amount: amountOf(refund),
    // PayPal may copy both from the capture to a refund that has none, as one from its dashboard.
    ...oursOf(order),
    ...(customId === null ? {} : { custom_id: customId }),
    create_time: timeOf(createdMs),
    links: [
      link(`${api}/v2/payments/refunds/${id}`, "self", "GET"),
      link(`${api}/v2/payments/captures/${captureId}`, "up", "GET"),
    ],
  };
}

function oursOf(order: Order | undefined) {
  return {
    ...(order?.customId == null ? {} : { custom_id: order.customId }),
    ...(order?.invoiceId == null ? {} : { invoice_id: order.invoiceId }),
  };
}

function link(href: string, rel: string, method: string) {
  return { href, rel, method };
}
