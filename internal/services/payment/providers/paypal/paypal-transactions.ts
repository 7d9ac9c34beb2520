// PayPal's Transaction Search: what moved on the account in a time span. It is the only list that PayPal has; a transaction appears in it
// after up to three hours. Called by paypal.ts and paypal-ledger.ts.
//
// Sources: PayPal's OpenAPI document of Transaction Search v1 (reporting_transactions_v1.json: lag, at most 31 days, `page_size` at most
// 500, a list of at most 10,000) and https://developer.paypal.com/docs/transaction-search/transaction-event-codes/ (T00xx are payments, T1107
// is a refund, T1300 is an authorization).
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
  /** S: succeeded, P: pending, D: denied, V: succeeded and reversed since, F: succeeded and partly refunded since. */
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
/** PayPal lists nothing of a span that has too many transactions. */
export type TooMany = { readonly kind: "too_many" };
const TOO_MANY = "RESULTSET_TOO_LARGE";

/** Page `page`, from 1, of the transactions of `span`. */
export async function readTransactions(
  client: PayPalClient,
  { fromMs, untilMs }: Span,
  page: number,
  deadline: AbortSignal,
): Promise<TransactionPage | Failure | Unreadable | TooMany> {
  const query = new URLSearchParams({
    start_date: timeText(fromMs),
    // Both ends belong to the span; ours does not have its end.
    end_date: timeText(untilMs - 1_000),
    fields: "transaction_info",
    // By default PayPal leaves out what does not change the balance: authorizations, and payments that it denied.
    balance_affecting_records_only: "N",
    page_size: String(PAGE_ENTRIES),
    page: String(page),
  });
  const path = `/v1/reporting/transactions?${query.toString()}`;
  const reply = await client.send({ method: "GET", path }, deadline);
  if (reply.kind === "refusal" && (reply.name === TOO_MANY || reply.issue === TOO_MANY))
    return { kind: "too_many" };
  if (reply.kind !== "answer") return reply;
  if (!Page.Check(reply.body)) return { kind: "unreadable" };
  const { transaction_details = [], total_pages = 0 } = reply.body;
  const transactions = once(transaction_details.map(({ transaction_info }) => transaction_info));
  return { kind: "page", transactions, isLast: page >= total_pages };
}

/**
 * PayPal may list an id twice: as what changed the balance, and as what did not. The one that moved money counts, and that it was denied only
 * if nothing else is said.
 */
function once(transactions: readonly PayPalTransaction[]): readonly PayPalTransaction[] {
  const byId = new Map<string, PayPalTransaction>();
  for (const one of transactions) {
    const known = byId.get(one.transaction_id);
    if (known === undefined || weightOf(one) > weightOf(known)) byId.set(one.transaction_id, one);
  }
  return [...byId.values()];
}

function weightOf(transaction: PayPalTransaction): number {
  if (hasMoved(transaction)) return 2;
  return transaction.transaction_status === "D" ? 0 : 1;
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
): Promise<Movement | Failure | Unreadable | TooMany> {
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

export function isAuthorization({ transaction_event_code = "" }: PayPalTransaction): boolean {
  return transaction_event_code === "T1300";
}

/** Whether money moved, also if it went back since. */
export function hasMoved({ transaction_status = "" }: PayPalTransaction): boolean {
  return MOVED.has(transaction_status);
}

const MOVED: ReadonlySet<string> = new Set(["S", "V", "F"]);

function timeText(epochMs: number): string {
  return `${new Date(Math.floor(epochMs / 1_000) * 1_000).toISOString().slice(0, -5)}Z`;
}
