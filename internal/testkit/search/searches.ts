// One search of every kind, for the sagas of fill.ts. Called by main.ts.
import type { SagaQuery } from "../../operations/saga-query.ts";
import { BUSY_USER, DAYS, lookedUp } from "./fill.ts";

export interface Kind {
  readonly name: string;
  readonly query: SagaQuery;
  /** From a page in the middle on. */
  readonly isDeep?: true;
}

const DAY_MS = 86_400_000;

/** `id` is the text of an SQL expression of fill.ts; `epoch` the time of the first saga, `rows` their number. */
export async function kindsOf(
  id: (expression: string) => Promise<string>,
  epoch: number,
  rows: number,
): Promise<readonly Kind[]> {
  const some = lookedUp(rows);
  const of = (kind: string) => id(`id_of('${kind}', ${some})`);
  const day = { created_after: epoch + 3 * DAY_MS, created_before: epoch + 4 * DAY_MS };
  const hour = { updated_after: epoch + 3 * DAY_MS, updated_before: epoch + 3 * DAY_MS + 3_600_000 };
  return [
    { name: "no criterion", query: {} },
    { name: "no criterion, page in the middle", query: {}, isDeep: true },
    { name: "user, 4 sagas", query: { user: await id(`user_of(${some + 1})`) } },
    { name: "user, 0.2 % of all sagas", query: { user: BUSY_USER } },
    { name: "order", query: { order: await of("order") } },
    { name: "payment", query: { payment: await of("payment") } },
    { name: "reservation", query: { reservation: await of("reservation") } },
    { name: "provider's id", query: { provider_id: `pi_${await id(`md5('charge' || ${some})`)}` } },
    { name: "Idempotency-Key", query: { client_key: await id(`md5('key' || ${some})`) } },
    { name: "Idempotency-Key, unknown", query: { client_key: "none" } },
    { name: "SKU, rare", query: { sku: "sku-rare" } },
    { name: "SKU, in 30 % of sagas", query: { sku: "sku-popular" } },
    { name: "product's name, rare", query: { product: "PRODUCT rare" } },
    { name: "product's name, in 30 % of sagas", query: { product: "popular" } },
    { name: "product's name, 11 products", query: { product: "sku-432" } },
    { name: "product's name, nobody's", query: { product: "kettle" } },
    { name: "SKU, a day, failed", query: { sku: "sku-popular", ...day, status: ["COMPENSATED"] } },
    { name: "status, in progress", query: { status: ["STARTED"] } },
    { name: "status COMPLETED", query: { status: ["COMPLETED"] } },
    { name: "status COMPENSATED", query: { status: ["COMPENSATED"] } },
    { name: "status FAILED", query: { status: ["FAILED"] } },
    { name: "failure code, common", query: { failure_code: "CARD_DECLINED" } },
    { name: "failure code, rare", query: { failure_code: "TOTAL_MISMATCH" } },
    { name: "failure code and rare currency", query: { failure_code: "CARD_DECLINED", currency: "KWD" } },
    { name: "step", query: { step: "charge" } },
    { name: "currency, 5 %", query: { currency: "JPY" } },
    { name: "currency, rare", query: { currency: "KWD" } },
    { name: "amount, common", query: { min_cents: 1_000, max_cents: 1_100 } },
    { name: "amount, one value", query: { min_cents: 1_234, max_cents: 1_234 } },
    { name: "amount, rare", query: { min_cents: 1_000_000 } },
    { name: "amount, nobody's", query: { min_cents: 5_000_000 } },
    { name: `created, one day of ${DAYS}`, query: day },
    { name: "created, a day, nothing matches", query: { ...day, min_cents: 5_000_000, step: "reserve" } },
    { name: "updated within an hour", query: hour },
    { name: "stuck", query: { stuck_seconds: 300 } },
    { name: "needs an operator", query: { needs_operator: true } },
    { name: "resent, nothing matches", query: { min_resends: 3 } },
  ];
}
