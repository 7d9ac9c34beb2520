// How a saga gets into the database: once per client key, in groups, and while there is room. Called by intake.ts and key-lookup.ts;
// cmd/orchestrator passes the backlog to admission.ts.
import type { Sql } from "postgres";
import type { FindSaga, StartSaga } from "../../schemas/http.ts";
import { timestampOf, timestampOrNull } from "../kernel/timestamp.ts";
import type { Tx } from "../messaging/database.ts";
import { type EventRow, insertEvents } from "../messaging/outbox.ts";
import type { Saga } from "./state.ts";
import { appendHistory, type HistoryLine, positionColumns } from "./store.ts";

/** A saga about to be created, with the request it came from. */
export interface NewSaga {
  readonly saga: Saga;
  readonly request: StartSaga;
}

/** What a saga starts with, besides its row. */
export interface FirstSteps {
  readonly lines: readonly HistoryLine[];
  readonly events: readonly EventRow[];
  /** Epoch ms. */
  readonly now: number;
}

/**
 * Inserts the sagas whose (user, client key) is new, with their first steps. One unsent statement, so that a group
 * of checkouts takes one round trip; it gives the ids of what it has inserted.
 */
export function startSagas(tx: Tx, sagas: readonly NewSaga[], { lines, events, now }: FirstSteps) {
  return tx<Inserted[]>`
    with saga as (${insertion(tx, sagas)}),
         line as (${appendHistory(tx, lines, now)} where saga_id::uuid in (select saga_id from saga)),
         event as (${insertEvents(tx, events)} where partition_key::uuid in (select saga_id from saga))
    select saga_id from saga`;
}

/** Inserts the sagas whose (user, client key) is new and returns their ids. */
export async function insertSagas(tx: Tx, sagas: readonly NewSaga[]): Promise<ReadonlySet<string>> {
  return new Set((await insertion(tx, sagas)).map((row) => row.saga_id));
}

interface Inserted {
  readonly saga_id: string;
}

/** In key order, so that two groups with the same keys wait for each other instead of deadlocking. */
function insertion(tx: Tx, sagas: readonly NewSaga[]) {
  const rows = sagas.map(({ saga, request }) => ({
    ...positionColumns(saga),
    saga_id: saga.saga_id,
    user_id: saga.user_id,
    email: saga.email,
    cart_items: saga.items,
    table_version: saga.table_version,
    currency: saga.currency,
    expected_total_cents: saga.expected_total_cents,
    shipping_address: saga.shipping_address,
    payment_method: saga.payment_method,
    // Null is false: most checkouts need no byte for it.
    shopper_present: saga.shopper_present ? true : null,
    language: saga.language,
    provider: saga.provider,
    deadline_at: timestampOrNull(saga.deadline_at),
    created_at: timestampOf(saga.created_at),
    client_key: request.client_key,
    body_hash: request.body_hash,
    traceparent: request.traceparent ?? null,
  }));
  return tx<Inserted[]>`
    insert into saga_state (saga_id, user_id, email, cart_items, status, current_step, table_version, currency,
           expected_total_cents, shipping_address, payment_method, deadline_at, client_key, body_hash, traceparent,
           shopper_present, language, provider, created_at, updated_at)
    select r.saga_id, r.user_id, r.email, r.cart_items, r.status, r.current_step, r.table_version, r.currency,
           r.expected_total_cents, r.shipping_address, r.payment_method, r.deadline_at, r.client_key, r.body_hash,
           r.traceparent, r.shopper_present, r.language, r.provider, r.created_at, r.created_at
      from json_to_recordset(${JSON.stringify(rows)}::text::json) as r(
           saga_id uuid, user_id uuid, email text, cart_items jsonb, status text, current_step text,
           table_version integer, currency text, expected_total_cents bigint, shipping_address jsonb,
           payment_method text, deadline_at timestamptz, client_key text, body_hash text, traceparent text,
           shopper_present boolean, language text, provider text, created_at timestamptz)
     order by r.user_id, r.client_key
        on conflict (user_id, client_key) do nothing
    returning saga_id`;
}

/** Sagas in progress and messages that wait for Kafka. */
export interface Backlog {
  readonly openSagas: number;
  readonly unpublished: number;
}

/** Counts each up to `atMost`. Both counts read indexes that hold nothing else. */
export async function measureBacklog(sql: Sql, atMost: Backlog): Promise<Backlog> {
  const [backlog] = await sql<Backlog[]>`
    select (select count(*) from (select from saga_state where completed_at is null order by deadline_at limit ${atMost.openSagas}) s)::integer
             as "openSagas",
           (select count(*) from (select from outbox where not published order by event_id limit ${atMost.unpublished}) o)::integer
             as unpublished`;
  return backlog ?? { openSagas: 0, unpublished: 0 };
}

/** The saga of a client key, and the body hash it was used with. */
export interface KeyOwner {
  readonly saga_id: string;
  readonly user_id: string;
  readonly client_key: string;
  readonly body_hash: string;
}

/**
 * The owners of the client keys; keys that are not in use are missing. `limit 1` keeps the lookup a probe of the unique key: on a
 * young table, a plain join was planned as a read of the whole table.
 */
export async function findKeyOwners(
  sql: Sql,
  requests: readonly Pick<FindSaga, "user_id" | "client_key">[],
): Promise<readonly KeyOwner[]> {
  const keys = requests.map(({ user_id, client_key }) => ({ user_id, client_key }));
  return sql<KeyOwner[]>`
    select s.saga_id, s.user_id, s.client_key, s.body_hash
      from json_to_recordset(${JSON.stringify(keys)}::text::json) as r(user_id uuid, client_key text)
     cross join lateral (
           select * from saga_state where user_id = r.user_id and client_key = r.client_key limit 1) s`;
}

/** A client key belongs to one user. */
export function keyOf({ user_id, client_key }: Pick<KeyOwner, "user_id" | "client_key">): string {
  return `${user_id} ${client_key}`;
}
