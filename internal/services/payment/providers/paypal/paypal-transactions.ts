// PayPal's Transaction Search: what moved on the account in a time span. It is the only list that PayPal has; a transaction appears in it
// after up to three hours. Called by paypal.ts and paypal-ledger.ts.
//
// Sources: PayPal's OpenAPI document of Transaction Search v1 (reporting_transactions_v1.json: lag, at most 31 days, `page_size` at most
// 500) and https://developer.paypal.com/docs/transaction-search/transaction-event-codes/ (T00xx are payments, T1107 is a refund, T1300 is
// an authorization).
import { type Static, Type } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import type { Span } from "../ledger.ts";
import type { PayPalClient } from "./paypal-client.ts";
import type { Failure } from "./paypal-errors.ts";

/** How late a transaction may appear. */
export const TRANSACTION_LAG_MS = 3 * 60 * 60 * 1_000;
const PAGE_ENTRIES = 500;
/** A span that is searched for one capture has at most this many pages; a longer one is not searched to its end. */
const MAX_PAGES = 20;

const Text = Type.Optional(Type.String());
const Transaction = Type.Object({
  transaction_id: Type.String({ pattern: "^[A-Za-z0-9-]{1,100}$" }),
  /** Of a refund: its capture. */
  paypal_reference_id: Text,
  transaction_event_code: Text,
  /** S: succeeded, P: pending, D: denied, V: succeeded and reversed since. */
  transaction_status: Text,
  transaction_amount: Type.Optional(Type.Object({ currency_code: Type.String(), value: Type.String() })),
  invoice_id: Text,
  /** `custom_id` of the order. */
  custom_field: Text,
});
export type PayPalTransaction = Static<typeof Transaction>;

const Page = TypeCompiler.Compile(
  Type.Object({
    transaction_details: Type.Optional(Type.Array(Type.Object({ transaction_info: Transaction }))),
    total_pages: Type.Optional(Type.Integer({ minimum: 0 })),
  }),
);

export interface TransactionPage {
  readonly kind: "page";
  readonly transactions: readonly PayPalTransaction[];
  readonly isLast: boolean;
}

export type Unreadable = { readonly kind: "unreadable" };

/** Page `page`, from 1, of the transactions of `span`. */
export async function readTransactions(
  client: PayPalClient,
  { fromMs, untilMs }: Span,
  page: number,
  deadline: AbortSignal,
): Promise<TransactionPage | Failure | Unreadable> {
  const query = new URLSearchParams({
    start_date: timeText(fromMs),
    // Both ends belong to the span; ours does not have its end.
    end_date: timeText(untilMs - 1_000),
    fields: "transaction_info",
    page_size: String(PAGE_ENTRIES),
    page: String(page),
  });
  const path = `/v1/reporting/transactions?${query.toString()}`;
  const reply = await client.send({ method: "GET", path }, deadline);
  if (reply.kind !== "answer") return reply;
  if (!Page.Check(reply.body)) return { kind: "unreadable" };
  const { transaction_details = [], total_pages = 0 } = reply.body;
  const transactions = transaction_details.map(({ transaction_info }) => transaction_info);
  return { kind: "page", transactions, isLast: page >= total_pages };
}

/** What the transactions say of a saga's money. */
export type Movement =
  | { readonly kind: "taken"; readonly capture: string }
  /** It was held, and nothing says that it was taken: its authorization knows what became of it. */
  | { readonly kind: "held"; readonly authorization: string }
  /** Not decided, or of a status that we do not know. */
  | { readonly kind: "pending" }
  | { readonly kind: "denied" }
  | { readonly kind: "none" };

/** What the transactions of `span` say of the saga's money. */
export async function findMovement(
  client: PayPalClient,
  saga_id: string,
  span: Span,
  deadline: AbortSignal,
): Promise<Movement | Failure | Unreadable> {
  const found: PayPalTransaction[] = [];
  for (let page = 1; page <= MAX_PAGES; page += 1) {
    const read = await readTransactions(client, span, page, deadline);
    if (read.kind !== "page") return read;
    found.push(...read.transactions.filter(({ custom_field }) => custom_field === saga_id));
    const taken = found.find((one) => isPayment(one) && hasMoved(one));
    if (taken !== undefined) return { kind: "taken", capture: taken.transaction_id };
    if (read.isLast) return withoutMoney(found);
  }
  return { kind: "unreadable" };
}

function withoutMoney(found: readonly PayPalTransaction[]): Movement {
  const payments = found.filter(isPayment);
  if (payments.some(({ transaction_status }) => transaction_status !== "D")) return { kind: "pending" };
  const held = found.find(isAuthorization);
  if (held !== undefined) return { kind: "held", authorization: held.transaction_id };
  return { kind: payments.length > 0 ? "denied" : "none" };
}

export function isPayment({ transaction_event_code = "" }: PayPalTransaction): boolean {
  return transaction_event_code.startsWith("T00");
}

export function isRefund({ transaction_event_code = "" }: PayPalTransaction): boolean {
  return transaction_event_code === "T1107";
}

function isAuthorization({ transaction_event_code = "" }: PayPalTransaction): boolean {
  return transaction_event_code === "T1300";
}

/** Whether money moved, also if it went back since. */
export function hasMoved({ transaction_status = "" }: PayPalTransaction): boolean {
  return transaction_status === "S" || transaction_status === "V";
}

function timeText(epochMs: number): string {
  return `${new Date(Math.floor(epochMs / 1_000) * 1_000).toISOString().slice(0, -5)}Z`;
}
