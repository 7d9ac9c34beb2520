// Loads years of business into a database: finished rows, and waiting rows that are not due yet and that no claim may scan. Called
// by plans.int.test.ts.
import type { Sql } from "postgres";
import type { DatabaseName, MigratedDatabase } from "../../../schemas/migrations.ts";

/** Number of finished sagas, with their rows in every database. */
export const IDLE = 4_000;
/** Number of waiting sagas, holds, charges and retries. */
export const WAITING = 1_000;

/** `dueAt` (epoch ms) is the due time of waiting rows. With `unpublished`, as many events wait for Kafka as well. */
export async function load(
  sql: Sql,
  database: MigratedDatabase,
  { dueAt, unpublished }: { readonly dueAt: number; readonly unpublished: boolean },
): Promise<void> {
  const due = `'${new Date(dueAt).toISOString()}'::timestamptz`;
  const statements =
    database === "notification"
      ? waitingMails(due)
      : [...tablesOf[database](due), ...messaging(due, unpublished)];
  for (const statement of statements) await sql.unsafe(statement);
}

/** Numbers from 1; rows above IDLE are waiting. */
const NUMBERS = `generate_series(1, ${IDLE + WAITING}) as n`;
const IS_AT_REST = `n <= ${IDLE}`;

const tablesOf: Readonly<Record<DatabaseName, (due: string) => readonly string[]>> = {
  saga: (due) => [
    `insert into saga_state (saga_id, user_id, cart_items, status, current_step, table_version, currency, total_cents, order_id,
            shipping_address, email, client_key, body_hash, deadline_at, created_at, updated_at, completed_at)
     select uuidv7(), uuidv7(), '[]', case when ${IS_AT_REST} then 'COMPLETED' else 'STARTED' end, 'reserve', 1, 'EUR', 1,
            case when ${IS_AT_REST} then uuidv7() end, '{}', 'a@example.com', n::text, '',
            case when not ${IS_AT_REST} then ${due} end, now(), now(), case when ${IS_AT_REST} then now() end
       from ${NUMBERS}`,
    `insert into order_cancellations (cancellation_id, saga_id, order_id, status, step, deadline_at, created_at, updated_at, completed_at)
     select uuidv7(), uuidv7(), uuidv7(), case when ${IS_AT_REST} then 'CANCELLED' else 'CANCELLING' end, 'release',
            case when not ${IS_AT_REST} then ${due} end, now(), now(), case when ${IS_AT_REST} then now() end
       from ${NUMBERS}`,
    `insert into saga_history (saga_id, from_status, to_status, step, message_type, at)
     select saga_id, 'STARTED', 'STARTED', 'reserve', 'Load', now() from saga_state where client_key ~ '^\\d+$'`,
  ],
  inventory: (due) => [
    `insert into inventory (sku_id, name, unit_price_cents, currency, stocked_count, available_count)
     select 'load-' || n, 'Load', 1, 'EUR', 100, 50 from ${NUMBERS}`,
    `insert into products (sku_id, category, names) select sku_id, 'Load', '{"de": "Last"}' from inventory where sku_id like 'load-%'`,
    `insert into reservations (reservation_id, saga_id, line, sku_id, quantity, unit_price_cents, reserved_at, expires_at, status)
     select uuidv7(), uuidv7(), 0, 'load-' || n, 1, 1, now(), ${due}, case when ${IS_AT_REST} then 'CONFIRMED' else 'HELD' end
       from ${NUMBERS}`,
  ],
  payment: (due) => [
    `insert into payments (payment_id, saga_id, amount_cents, currency, payment_method, provider, provider_txn_id, idempotency_key,
            status, next_attempt_at, created_at, updated_at, reconciled_at)
     select uuidv7(), uuidv7(), 1, 'EUR', 'sealed', 'stripe', case when ${IS_AT_REST} then 'load_' || n end, 'load_' || n,
            case when n <= ${IDLE - WAITING} then 'SUCCEEDED' when ${IS_AT_REST} then 'REFUND_PENDING' else 'UNKNOWN' end,
            case when not ${IS_AT_REST} then ${due} end, now(), now(), case when ${IS_AT_REST} and n % 2 = 0 then now() end
       from ${NUMBERS}`,
    `insert into refunds (refund_id, payment_id, amount_cents, idempotency_key, status, next_attempt_at, created_at, updated_at)
     select uuidv7(), payment_id, 1, payment_id::text, 'PENDING', ${due}, now(), now()
       from payments where status = 'REFUND_PENDING' and idempotency_key like 'load_%'`,
    `insert into webhook_events (event_id, received_at) select 'load_' || n, now() from ${NUMBERS}`,
    `insert into payment_alerts (alert_id, kind, subject, detail, opened_by, opened_at, last_seen_at, closed_at, closed_by, close_note)
     select uuidv7(), 'status_differs', 'load_' || n, '', 'webhook', now(), now(), now(), 'reconciliation', '' from ${NUMBERS}`,
  ],
  order: () => [
    `insert into orders (order_id, saga_id, items, total_cents, status, created_at, updated_at)
     select uuidv7(), uuidv7(), '[]', 0, 'CANCELLED', now(), now() from ${NUMBERS}`,
  ],
};

/** This table holds only waiting mails. */
function waitingMails(due: string): readonly string[] {
  return [
    `insert into waiting_mails (mail_key, saga_id, attempts, first_failed_at, stored_at, next_attempt_at, last_reply, topic,
            partition, "offset", timestamp_ms, value, headers)
     select 'load-' || n, uuidv7(), 1, now(), now(), ${due}, '', 'load', 0, n, 0, '', '[]' from ${NUMBERS}`,
  ];
}

function messaging(due: string, unpublished: boolean): readonly string[] {
  const published = unpublished ? IS_AT_REST : "true";
  return [
    `insert into inbox (message_id) select uuidv7() from ${NUMBERS}`,
    `insert into outbox (event_id, topic, partition_key, payload, headers, published, published_at)
     select uuidv7(), 'load', '', '{}', '{}', ${published}, case when ${published} then now() end from ${NUMBERS}`,
    `insert into retry (message_id, saga_id, message_type, attempts, next_attempt_at, first_failed_at, last_failed_at, error_code,
            error_message, topic, partition, "offset", timestamp_ms, value, headers)
     select uuidv7(), uuidv7(), 'Load', 1, ${due}, now(), now(), '', '', 'load', 0, n, 0, '', '[]'
       from ${NUMBERS} where not ${IS_AT_REST}`,
  ];
}
