// The simulated Transaction Search: authorizations, captures and refunds of a time span, oldest first, as late as the fault `search_lag_ms` says.
import { invalidRequest, type Refusal } from "./errors.ts";
import type { PayPalLedger } from "./ledger.ts";
import type { Money } from "./money.ts";

const MAX_PAGE_ENTRIES = 500;
const MAX_SPAN_MS = 31 * 86_400_000;

interface Movement extends Money {
  readonly id: string;
  readonly createdMs: number;
  readonly code: string;
  readonly reference: string | null;
  readonly orderId: string;
}

export type Listed = { readonly body: object } | { readonly refusal: Refusal };

export function listTransactions(
  ledger: PayPalLedger,
  query: URLSearchParams,
  nowMs: number,
  lagMs: number,
): Listed {
  const from = Date.parse(query.get("start_date") ?? "");
  const until = Date.parse(query.get("end_date") ?? "");
  const size = Number(query.get("page_size") ?? 100);
  const page = Number(query.get("page") ?? 1);
  if (Number.isNaN(from)) return { refusal: invalidRequest("INVALID_REQUEST", "/start_date") };
  if (Number.isNaN(until) || until < from || until - from > MAX_SPAN_MS)
    return { refusal: invalidRequest("INVALID_REQUEST", "/end_date") };
  if (!(
    Number.isInteger(size) &&
    size >= 1 &&
    size <= MAX_PAGE_ENTRIES &&
    Number.isInteger(page) &&
    page >= 1
  ))
    return { refusal: invalidRequest("INVALID_REQUEST", "/page_size") };
  // PayPal's times are whole seconds, and both ends belong to the span.
  const isIn = ({ createdMs }: { readonly createdMs: number }) =>
    createdMs >= from && createdMs < until + 1_000 && createdMs + lagMs <= nowMs;
  const found = [...movements(ledger)].filter(isIn).toSorted((a, b) => a.createdMs - b.createdMs);
  const shown = found.slice((page - 1) * size, page * size);
  return {
    body: {
      transaction_details: shown.map((movement) => ({ transaction_info: render(ledger, movement) })),
      page,
      total_items: found.length,
      total_pages: Math.ceil(found.length / size),
    },
  };
}

function* movements({ orders, captures, refunds }: PayPalLedger): Generator<Movement> {
  for (const { id: orderId, authorization } of orders.all()) {
    if (authorization === null) continue;
    const { id, createdMs, value, currency } = authorization;
    yield { id, createdMs, value, currency, code: "T1300", reference: null, orderId };
  }
  for (const capture of captures.all()) {
    const { id, createdMs, value, currency, orderId } = capture;
    yield { id, createdMs, value, currency, code: "T0006", reference: null, orderId };
  }
  for (const refund of refunds.all()) {
    const { id, createdMs, currency, captureId } = refund;
    const orderId = captures.get(captureId)?.orderId ?? "";
    yield {
      id,
      createdMs,
      value: `-${refund.value}`,
      currency,
      code: "T1107",
      reference: captureId,
      orderId,
    };
  }
}

function render(
  ledger: PayPalLedger,
  { id, createdMs, code, reference, orderId, value, currency }: Movement,
) {
  const order = ledger.orders.get(orderId);
  return {
    transaction_id: id,
    ...(reference === null ? {} : { paypal_reference_id: reference, paypal_reference_id_type: "TXN" }),
    transaction_event_code: code,
    transaction_initiation_date: new Date(createdMs).toISOString(),
    transaction_status: "S",
    transaction_amount: { currency_code: currency, value },
    ...(order?.customId == null ? {} : { custom_field: order.customId }),
    ...(order?.invoiceId == null ? {} : { invoice_id: order.invoiceId }),
  };
}
