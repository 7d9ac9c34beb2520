// The simulated Transaction Search: authorizations (with `balance_affecting_records_only=N`), captures and refunds of a time span, oldest
// first, as late as the fault `search_lag_ms` says.
import { invalidRequest, type Refusal } from "./errors.ts";
import type { PayPalLedger } from "./ledger.ts";
import type { Money } from "./money.ts";

const MAX_PAGE_ENTRIES = 500;
/** A longer list is refused as a whole. */
const MAX_ENTRIES = 10_000;
const MAX_SPAN_MS = 31 * 86_400_000;

/** An authorization's code. */
const HELD = "T1300";

interface Movement extends Money {
  readonly id: string;
  readonly createdMs: number;
  readonly code: string;
  readonly reference: string | null;
  readonly orderId: string;
  /** Of a refund that was requested with one; the rest has that of its order. */
  readonly customId?: string | null;
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
  const isAsked = query.get("balance_affecting_records_only") === "N" ? () => true : changesBalance;
  const found = [...movements(ledger)]
    .filter((movement) => isAsked(movement) && isIn(movement))
    .toSorted((a, b) => a.createdMs - b.createdMs);
  if (found.length > MAX_ENTRIES)
    return { refusal: { status: 400, name: "INVALID_REQUEST", issue: "RESULTSET_TOO_LARGE", field: null } };
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

/** An authorization only holds the payer's money. */
function changesBalance({ code }: Movement): boolean {
  return code !== HELD;
}

function* movements({ orders, captures, refunds }: PayPalLedger): Generator<Movement> {
  for (const { id: orderId, authorization } of orders.all()) {
    if (authorization === null) continue;
    const { id, createdMs, value, currency } = authorization;
    yield { id, createdMs, value, currency, code: HELD, reference: null, orderId };
  }
  for (const capture of captures.all()) {
    const { id, createdMs, value, currency, orderId } = capture;
    yield { id, createdMs, value, currency, code: "T0006", reference: null, orderId };
  }
  for (const refund of refunds.all()) {
    const { id, createdMs, currency, captureId, customId } = refund;
    const orderId = captures.get(captureId)?.orderId ?? "";
    yield {
      id,
      createdMs,
      value: `-${refund.value}`,
      currency,
      code: "T1107",
      reference: captureId,
      orderId,
      customId,
    };
  }
}

function render(
  ledger: PayPalLedger,
  { id, createdMs, code, reference, orderId, value, currency, customId }: Movement,
) {
  const order = ledger.orders.get(orderId);
  const custom = customId ?? order?.customId;
  return {
    transaction_id: id,
    ...(reference === null ? {} : { paypal_reference_id: reference, paypal_reference_id_type: "TXN" }),
    transaction_event_code: code,
    transaction_initiation_date: new Date(createdMs).toISOString(),
    transaction_status: "S",
    transaction_amount: { currency_code: currency, value },
    ...(custom == null ? {} : { custom_field: custom }),
    ...(order?.invoiceId == null ? {} : { invoice_id: order.invoiceId }),
  };
}
