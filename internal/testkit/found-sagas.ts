// Random sagas over the four databases, as the services leave them, and the search in memory that the real one is compared with. For
// the tests of the search.
import type { Sql } from "postgres";
import type { DatabaseName } from "../../schemas/migrations.ts";
import { SAGA_STATUSES, type SagaStatus } from "../../schemas/http.ts";
import { between, chanceOf, pick, type Random } from "../kernel/random.ts";
import type { SagaQuery, SagaStep } from "../operations/saga-query.ts";
import { SAGA_STEPS } from "../operations/saga-query.ts";

export const SKUS = ["tea", "mug", "pot", "rare"] as const;
/** Each is called as its SKU, "the thing", and in another language. */
const NAMES: Readonly<Record<(typeof SKUS)[number], string>> = {
  tea: "Tee",
  mug: "Becher",
  pot: "Kännchen",
  rare: "Rarität",
};
/** What people call them: one, several, none. */
const PRODUCT_TEXTS = ["tea", "THING mug", "KÄNNCHEN", "RARI", "e", "thing", "tee pot", "kettle"] as const;
const CODES = ["CARD_DECLINED", "INSUFFICIENT_STOCK", "PRICE_CHANGED"] as const;
const CURRENCIES = ["EUR", "USD", "JPY"] as const;

export interface FoundSagaRow {
  readonly saga_id: string;
  readonly user_id: string;
  readonly client_key: string;
  readonly status: SagaStatus;
  readonly current_step: SagaStep;
  readonly table_version: number;
  readonly compensation_step: "order" | "charge" | "authorize" | "reserve" | null;
  readonly failure_code: string | null;
  readonly currency: string;
  readonly total_cents: number | null;
  readonly needs_operator: boolean;
  readonly resend_count: number;
  readonly skus: readonly string[];
  readonly reservation_id: string;
  readonly payment_id: string;
  readonly provider_id: string;
  /** In `provider_id` of a charge that the shopper never confirmed. */
  readonly isUnconfirmed: boolean;
  readonly refund_id: string | null;
  readonly provider_refund_id: string;
  readonly order_id: string | null;
  readonly created_at: number;
  readonly updated_at: number;
  readonly completed_at: number | null;
}

/** A saga that began at `created_at`. */
export function randomSaga(random: Random, created_at: number, users: readonly string[]): FoundSagaRow {
  const status = pick(random, SAGA_STATUSES);
  const isDone = ["COMPLETED", "COMPENSATED", "FAILED"].includes(status);
  const isFailed = ["COMPENSATING", "COMPENSATED", "FAILED"].includes(status);
  const id = () => Bun.randomUUIDv7("hex", created_at);
  const updated_at = created_at + between(random, 0, 600_000);
  const text = crypto.randomUUID().slice(0, 8);
  return {
    saga_id: id(),
    user_id: pick(random, users),
    client_key: `key-${crypto.randomUUID()}`,
    status,
    current_step: pick(random, SAGA_STEPS),
    compensation_step:
      status === "COMPENSATING" ? pick(random, ["order", "charge", "authorize", "reserve"] as const) : null,
    failure_code: isFailed ? pick(random, CODES) : null,
    currency: pick(random, CURRENCIES),
    total_cents: status === "STARTED" ? null : between(random, 0, 100) * 100,
    needs_operator: chanceOf(random, 0.2),
    resend_count: between(random, 0, 3),
    skus: SKUS.filter((_, at) => chanceOf(random, 1 / (at + 1.5))),
    reservation_id: id(),
    payment_id: id(),
    provider_id: `pi_${text}`,
    isUnconfirmed: isFailed && chanceOf(random, 0.3),
    refund_id: chanceOf(random, 0.2) ? id() : null,
    provider_refund_id: `re_${text}`,
    order_id: status === "COMPLETED" || status === "ORDER_CREATED" ? id() : null,
    created_at,
    updated_at,
    completed_at: isDone ? updated_at : null,
    table_version: pick(random, [1, 2]),
  };
}

export async function writeSagas(
  { saga, inventory, payment, order }: Readonly<Record<DatabaseName, Sql>>,
  rows: readonly FoundSagaRow[],
): Promise<void> {
  const json = JSON.stringify(rows);
  const at = (name: string) => `to_timestamp(r.${name} / 1000.0)`;
  const source = `json_to_recordset($1::text::json) as r(saga_id uuid, user_id uuid, client_key text, status text, current_step text,
    table_version int, compensation_step text, failure_code text, currency text, total_cents bigint, needs_operator boolean, resend_count int, skus json,
    reservation_id uuid, payment_id uuid, provider_id text, "isUnconfirmed" boolean, refund_id uuid, provider_refund_id text,
    order_id uuid, created_at float8, updated_at float8, completed_at float8)`;
  await saga.unsafe(
    `insert into saga_state (saga_id, user_id, cart_items, status, current_step, compensation_step, table_version, currency, total_cents,
            shipping_address, email, order_id, failure_code, needs_operator, resend_count, deadline_at, client_key, body_hash,
            created_at, updated_at, completed_at)
     select saga_id, user_id, '[{"sku_id": "tea", "quantity": 1}]', status, current_step, compensation_step, table_version, currency, total_cents, '{}', '', order_id,
            failure_code, needs_operator, resend_count, case when completed_at is null then now() end, client_key, '',
            ${at("created_at")}, ${at("updated_at")}, ${at("completed_at")} from ${source}`,
    [json],
  );
  await inventory`insert into inventory (sku_id, name, unit_price_cents, currency, stocked_count, available_count)
    select sku, sku || ', the thing', 1, 'EUR', 9, 9 from unnest(${[...SKUS]}::text[]) sku
        on conflict (sku_id) do update set name = excluded.name`;
  await inventory`insert into products (sku_id, names)
    select key, jsonb_build_object('de', value) from json_each_text(${JSON.stringify(NAMES)}::text::json) on conflict do nothing`;
  await inventory.unsafe(
    `insert into reservations (reservation_id, saga_id, line, sku_id, quantity, unit_price_cents, reserved_at, expires_at, status)
     select reservation_id, saga_id, line - 1, sku, 1, 1, ${at("created_at")}, ${at("created_at")}, 'CONFIRMED'
       from ${source}, json_array_elements_text(skus) with ordinality as item (sku, line)`,
    [json],
  );
  await payment.unsafe(
    `insert into payments (payment_id, saga_id, amount_cents, currency, provider, provider_txn_id, action_txn_id, action_expires_at,
            idempotency_key, status, error_code, created_at, updated_at)
     select payment_id, saga_id, 1, currency, 'stripe', case when not "isUnconfirmed" then provider_id end,
            case when "isUnconfirmed" then provider_id end, case when "isUnconfirmed" then now() end, 'charge_' || saga_id,
            case when "isUnconfirmed" then 'FAILED' else 'SUCCEEDED' end, 'X', ${at("created_at")}, ${at("created_at")} from ${source}`,
    [json],
  );
  await payment.unsafe(
    `insert into refunds (refund_id, payment_id, amount_cents, idempotency_key, status, provider_refund_id, created_at, updated_at)
     select refund_id, payment_id, 1, 'refund_' || saga_id, 'SUCCEEDED', provider_refund_id, now(), now()
       from ${source} where refund_id is not null`,
    [json],
  );
  await order.unsafe(
    `insert into orders (order_id, saga_id, user_id, items, total_cents, currency, shipping_address, status, created_at, updated_at)
     select order_id, saga_id, user_id, '[]', 1, currency, '{}', 'CONFIRMED', ${at("created_at")}, ${at("created_at")}
       from ${source} where order_id is not null`,
    [json],
  );
}

/** Up to three criteria, mostly taken from one of the sagas, so that something is found. */
export function randomQuery(random: Random, rows: readonly FoundSagaRow[]): SagaQuery {
  const like = pick(random, rows);
  const early = like.created_at - between(random, 0, 3_600_000);
  const criteria: readonly (() => SagaQuery)[] = [
    () => ({ user: like.user_id }),
    () => ({ order: like.order_id ?? crypto.randomUUID() }),
    () => ({ payment: like.payment_id }),
    () => ({ refund: like.refund_id ?? crypto.randomUUID() }),
    () => ({ reservation: like.reservation_id }),
    () => ({ provider_id: pick(random, [like.provider_id, like.provider_refund_id]) }),
    () => ({ sku: pick(random, SKUS) }),
    () => ({ product: pick(random, PRODUCT_TEXTS) }),
    () => ({ client_key: like.client_key }),
    () => ({ status: SAGA_STATUSES.filter(() => chanceOf(random, 0.3)) }),
    () => ({ status: [like.status] }),
    () => ({ step: pick(random, SAGA_STEPS) }),
    () => ({ table_version: pick(random, [1, 2]) }),
    () => ({ failure_code: pick(random, CODES) }),
    () => ({ currency: pick(random, CURRENCIES) }),
    () => ({ min_cents: between(random, 0, 100) * 100 }),
    () => ({ max_cents: between(random, 0, 100) * 100 }),
    () => ({ created_after: early, created_before: early + 7_200_000 }),
    () => ({ created_after: like.created_at }),
    () => ({ created_before: like.created_at }),
    () => ({ updated_after: like.updated_at }),
    () => ({ updated_before: like.updated_at }),
    () => ({ stuck_seconds: between(random, 1, 86_400) }),
    () => ({ needs_operator: true }),
    () => ({ min_resends: between(random, 1, 3) }),
  ];
  return Object.assign({}, ...Array.from({ length: between(random, 0, 3) }, () => pick(random, criteria)()));
}

/** What the search must find, newest first. The sagas have no history, so they last moved when they were created. */
export function expectedIds(rows: readonly FoundSagaRow[], query: SagaQuery, now: number): readonly string[] {
  return rows
    .filter((row) => isMatch(row, query, now))
    .map(({ saga_id }) => saga_id)
    .toSorted()
    .toReversed();
}

function isMatch(row: FoundSagaRow, query: SagaQuery, now: number): boolean {
  const same = <Value>(wanted: Value | undefined, value: Value | null) =>
    wanted === undefined || wanted === value;
  const within = (value: number | null, least = -Infinity, most = Infinity) =>
    (least === -Infinity && most === Infinity) || (value !== null && value >= least && value <= most);
  const { provider_id, stuck_seconds } = query;
  const isOpen = row.completed_at === null;
  const stuckBefore = stuck_seconds === undefined ? Infinity : now - stuck_seconds * 1_000;
  const isStuck =
    isOpen &&
    row.created_at < stuckBefore &&
    (row.updated_at < stuckBefore || row.resend_count > 0 || row.needs_operator);
  const refund = row.refund_id === null ? null : row.provider_refund_id;
  return (
    same(query.user, row.user_id) &&
    same(query.order, row.order_id) &&
    same(query.payment, row.payment_id) &&
    same(query.refund, row.refund_id) &&
    // A cart without a line is not reserved.
    (query.reservation === undefined || (row.skus.length > 0 && query.reservation === row.reservation_id)) &&
    (provider_id === undefined || provider_id === row.provider_id || provider_id === refund) &&
    (query.sku === undefined || row.skus.includes(query.sku)) &&
    isNamed(row.skus, query.product) &&
    same(query.client_key, row.client_key) &&
    (query.status === undefined || query.status.includes(row.status)) &&
    same(query.step, row.compensation_step ?? row.current_step) &&
    same(query.table_version, row.table_version) &&
    same(query.failure_code, row.failure_code) &&
    same(query.currency, row.currency) &&
    within(row.total_cents, query.min_cents, query.max_cents) &&
    within(row.created_at, query.created_after, (query.created_before ?? Infinity) - 1) &&
    within(row.updated_at, query.updated_after, (query.updated_before ?? Infinity) - 1) &&
    (stuck_seconds === undefined || isStuck) &&
    (query.needs_operator === undefined || (row.needs_operator && isOpen)) &&
    row.resend_count >= (query.min_resends ?? 0)
  );
}

/** All of the words in one name of one of the products, or a SKU. */
function isNamed(skus: readonly string[], product: string | undefined): boolean {
  if (product === undefined) return true;
  const words = product.toLowerCase().split(" ");
  return SKUS.some((sku) => {
    const names = [`${sku}, the thing`, NAMES[sku]].map((name) => name.toLowerCase());
    return skus.includes(sku) && names.some((name) => words.every((word) => name.includes(word)));
  });
}
