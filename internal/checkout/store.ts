// The saga database: one function per statement, set-based, a batch of sagas at a time. Called by handler, timers and intake.
import type { Sql } from "postgres";
import type { SagaStatus, SagaStatusView, StartSaga } from "../../schemas/http.ts";
import { assert } from "../kernel/errors.ts";
import type { Tx } from "../messaging/database.ts";
import { type Position, type Saga, statusOf, type Transition } from "./state.ts";
import type { Step } from "./steps.ts";

/** A row of saga_state as the driver hands it over: timestamps in epoch ms. */
interface SagaRow {
  readonly saga_id: string;
  readonly user_id: string;
  readonly email: string;
  readonly cart_items: Saga["items"];
  readonly status: SagaStatus;
  readonly current_step: Step;
  readonly compensation_step: Step | null;
  readonly table_version: number;
  readonly currency: string;
  readonly expected_total_cents: number | null;
  readonly priced_items: Saga["priced_items"];
  readonly total_cents: number | null;
  readonly shipping_address: Saga["shipping_address"];
  readonly payment_method: string | null;
  readonly payment_succeeded: boolean;
  readonly order_id: string | null;
  readonly failure_code: string | null;
  readonly failure_message: string | null;
  readonly needs_operator: boolean;
  readonly resend_count: number;
  readonly deadline_at: number | null;
  readonly created_at: number;
  readonly updated_at: number;
  readonly completed_at: number | null;
}

const columns = (sql: Sql | Tx) => sql`
  saga_id, user_id, email, cart_items, status, current_step, compensation_step, table_version, currency,
  expected_total_cents, priced_items, total_cents, shipping_address, payment_method, payment_succeeded, order_id,
  failure_code, failure_message, needs_operator, resend_count, deadline_at, created_at, updated_at, completed_at`;

/** Reads and locks the sagas, in id order so that two batches cannot deadlock. Unknown ids are simply missing. */
export async function lockSagas(tx: Tx, sagaIds: readonly string[]): Promise<Saga[]> {
  const rows = await tx<SagaRow[]>`
    select ${columns(tx)} from saga_state where saga_id = any(${[...sagaIds]}::uuid[]) order by saga_id for update`;
  return rows.map(fromRow);
}

/** Claims open sagas whose deadline has passed; other replicas skip them. `now` in epoch ms. */
export async function claimOverdueSagas(tx: Tx, now: number, limit: number): Promise<Saga[]> {
  const rows = await tx<SagaRow[]>`
    select ${columns(tx)} from saga_state
     where completed_at is null and deadline_at <= ${new Date(now)}
     order by deadline_at limit ${limit} for update skip locked`;
  return rows.map(fromRow);
}

/** What `saveSagas` needs to know of a saga: how it was read and how it is now. */
export interface Change {
  readonly before: Saga;
  readonly after: Saga;
}

/** Writes the changed sagas with one statement. */
export function saveSagas(tx: Tx, changes: readonly Change[]): PromiseLike<unknown> {
  const rows = changes.map(({ before, after }) => ({
    ...positionColumns(after.position),
    saga_id: after.saga_id,
    // Written once, when the cart is priced; sending it again with each transition would be most of the statement's bytes.
    priced_items: after.priced_items === before.priced_items ? null : after.priced_items,
    total_cents: after.total_cents,
    payment_succeeded: after.payment_succeeded,
    needs_operator: after.needs_operator,
    deadline_at: timestamp(after.deadline_at),
    updated_at: timestamp(after.updated_at),
    completed_at: timestamp(after.completed_at),
  }));
  return tx`
    update saga_state s
       set status = r.status, current_step = r.current_step, compensation_step = r.compensation_step,
           priced_items = coalesce(r.priced_items, s.priced_items), total_cents = r.total_cents,
           payment_method = case when r.completed_at is null then s.payment_method end,
           payment_succeeded = r.payment_succeeded, order_id = r.order_id, failure_code = r.failure_code,
           failure_message = r.failure_message, needs_operator = r.needs_operator, resend_count = r.resend_count,
           deadline_at = r.deadline_at, updated_at = r.updated_at, completed_at = r.completed_at
      from jsonb_to_recordset(${JSON.stringify(rows)}::text::jsonb) as r(
           saga_id uuid, status text, current_step text, compensation_step text, priced_items jsonb, total_cents bigint,
           payment_succeeded boolean, order_id uuid, failure_code text, failure_message text, needs_operator boolean,
           resend_count integer, deadline_at timestamptz, updated_at timestamptz, completed_at timestamptz)
     where s.saga_id = r.saga_id`;
}

/** One line of a saga's timeline with what caused it. */
export interface HistoryLine extends Transition {
  readonly saga_id: string;
  readonly message_id: string | null;
  readonly message_type: string;
}

/** Appends to the timeline. `now` in epoch ms. */
export function appendHistory(tx: Tx, lines: readonly HistoryLine[], now: number): PromiseLike<unknown> {
  return tx`
    insert into saga_history (saga_id, from_status, to_status, step, message_id, message_type, note, at)
    select r.saga_id, r."from", r."to", r.step, r.message_id, r.message_type, r.note, ${new Date(now)}::timestamptz
      from jsonb_to_recordset(${JSON.stringify(lines)}::text::jsonb) as r(
           saga_id uuid, "from" text, "to" text, step text, message_id uuid, message_type text, note text)`;
}

/** A saga about to be created, with the request it came from. */
export interface NewSaga {
  readonly saga: Saga;
  readonly request: StartSaga;
}

/** Inserts the sagas whose (user, client key) is new and returns the ids of those. Sent at once, before later statements. */
export async function insertSagas(tx: Tx, sagas: readonly NewSaga[]): Promise<string[]> {
  const rows = sagas.map(({ saga, request }) => ({
    ...positionColumns(saga.position),
    saga_id: saga.saga_id,
    user_id: saga.user_id,
    email: saga.email,
    cart_items: saga.items,
    table_version: saga.table_version,
    currency: saga.currency,
    expected_total_cents: saga.expected_total_cents,
    shipping_address: saga.shipping_address,
    payment_method: saga.payment_method,
    deadline_at: timestamp(saga.deadline_at),
    created_at: timestamp(saga.created_at),
    client_key: request.client_key,
    body_hash: request.body_hash,
    traceparent: request.traceparent ?? null,
  }));
  const inserted = await tx<{ saga_id: string }[]>`
    insert into saga_state (saga_id, user_id, email, cart_items, status, current_step, table_version, currency,
           expected_total_cents, shipping_address, payment_method, deadline_at, client_key, body_hash, traceparent,
           created_at, updated_at)
    select r.saga_id, r.user_id, r.email, r.cart_items, r.status, r.current_step, r.table_version, r.currency,
           r.expected_total_cents, r.shipping_address, r.payment_method, r.deadline_at, r.client_key, r.body_hash,
           r.traceparent, r.created_at, r.created_at
      from jsonb_to_recordset(${JSON.stringify(rows)}::text::jsonb) as r(
           saga_id uuid, user_id uuid, email text, cart_items jsonb, status text, current_step text,
           table_version integer, currency text, expected_total_cents bigint, shipping_address jsonb,
           payment_method text, deadline_at timestamptz, client_key text, body_hash text, traceparent text,
           created_at timestamptz)
     order by r.user_id, r.client_key
        on conflict (user_id, client_key) do nothing
    returning saga_id`.execute();
  return inserted.map((row) => row.saga_id);
}

export interface ClientKeyRow {
  readonly saga_id: string;
  readonly user_id: string;
  readonly client_key: string;
  readonly body_hash: string;
}

/** Which saga each (user, client key) belongs to. */
export function findByClientKeys(
  tx: Tx,
  requests: readonly StartSaga[],
): PromiseLike<readonly ClientKeyRow[]> {
  const keys = requests.map(({ user_id, client_key }) => ({ user_id, client_key }));
  return tx<ClientKeyRow[]>`
    select s.saga_id, s.user_id, s.client_key, s.body_hash
      from jsonb_to_recordset(${JSON.stringify(keys)}::text::jsonb) as r(user_id uuid, client_key text)
      join saga_state s using (user_id, client_key)`;
}

interface StatusRow extends Omit<SagaStatusView, "created_at" | "updated_at" | "completed_at"> {
  readonly user_id: string;
  readonly created_at: number;
  readonly updated_at: number;
  readonly completed_at: number | null;
}

/** What a shopper may see of their sagas, and whose they are. */
export async function readStatuses(
  sql: Sql,
  sagaIds: readonly string[],
): Promise<Map<string, { readonly user_id: string; readonly view: SagaStatusView }>> {
  const rows = await sql<StatusRow[]>`
    select saga_id, user_id, status, current_step, compensation_step, failure_code, order_id, total_cents, currency,
           created_at, updated_at, completed_at
      from saga_state where saga_id = any(${[...sagaIds]}::uuid[])`;
  return new Map(
    rows.map(({ user_id, created_at, updated_at, completed_at, ...rest }) => {
      const times = {
        created_at: new Date(created_at).toISOString(),
        updated_at: new Date(updated_at).toISOString(),
        completed_at: timestamp(completed_at),
      };
      return [rest.saga_id, { user_id, view: { ...rest, ...times } }];
    }),
  );
}

/** The versions of the saga table that open sagas still stand on. */
export async function openTableVersions(sql: Sql): Promise<number[]> {
  const rows = await sql<{ table_version: number }[]>`
    select distinct table_version from saga_state where completed_at is null`;
  return rows.map((row) => row.table_version);
}

function timestamp(epochMs: number | null): string | null {
  return epochMs === null ? null : new Date(epochMs).toISOString();
}

function positionColumns(position: Position) {
  const failure =
    position.kind === "compensating" || position.kind === "compensated" ? position.failure : null;
  return {
    status: statusOf(position),
    current_step: position.at,
    compensation_step: position.kind === "compensating" ? position.undoing : null,
    resend_count: position.kind === "compensating" ? position.resends : 0,
    order_id: position.kind === "completed" ? position.order_id : null,
    failure_code: failure?.code ?? null,
    failure_message: failure?.message ?? null,
  };
}

function positionOf(row: SagaRow): Position {
  const at = row.current_step;
  if (row.status === "COMPLETED") {
    assert(row.order_id !== null, `completed saga ${row.saga_id} has no order`);
    return { kind: "completed", at, order_id: row.order_id };
  }
  if (row.failure_code === null) return { kind: "forward", at };
  const failure = { code: row.failure_code, message: row.failure_message ?? "" };
  if (row.compensation_step === null) return { kind: "compensated", at, failure };
  return { kind: "compensating", at, undoing: row.compensation_step, failure, resends: row.resend_count };
}

function fromRow(row: SagaRow): Saga {
  const { cart_items, status: _, current_step: _at, compensation_step: _undo, ...rest } = row;
  const {
    order_id: _order,
    failure_code: _code,
    failure_message: _message,
    resend_count: _resends,
    ...saga
  } = rest;
  return { ...saga, items: cart_items, position: positionOf(row) };
}
