// The saga database for everything that moves a saga: sagas are read and locked, changed, and written back, in batches. Called by
// handler.ts and timers.ts. intake-store.ts inserts sagas; status-store.ts reads what a shopper may see.
import type { PendingQuery, Row, Sql } from "postgres";
import type { SagaStatus } from "../../schemas/http.ts";
import { LONGEST_PAUSE_MS } from "../kernel/backoff.ts";
import { assert, assertNever } from "../kernel/errors.ts";
import { RECORD_SEPARATOR } from "../kernel/ports.ts";
import { timestampOf, timestampOrNull } from "../kernel/timestamp.ts";
import { columnText } from "../messaging/columns.ts";
import type { Tx } from "../messaging/database.ts";
import type { HeldRow } from "../messaging/held-rows.ts";
import { identity } from "../messaging/past-store.ts";
import { MAX_ACTION_MS } from "./action.ts";
import { type Position, type Saga, statusOf, type Transition } from "./state.ts";
import type { Step } from "./steps.ts";
import { KNOWN_TABLE_VERSIONS } from "./versions.ts";

/** A row of saga_state from the driver: timestamps in epoch ms. */
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
  /** Null in a row of an older version. */
  readonly shopper_present: boolean | null;
  readonly language: string | null;
  readonly provider: string | null;
  readonly lines_short: Saga["lines_short"];
  readonly payment_succeeded: boolean;
  readonly card: Saga["card"];
  readonly action_expires_at: number | null;
  readonly action_latest_at: number | null;
  readonly order_id: string | null;
  readonly failure_code: string | null;
  readonly failure_message: string | null;
  readonly needs_operator: boolean;
  readonly resend_count: number;
  readonly deadline_at: number | null;
  readonly created_at: number;
  readonly updated_at: number;
  readonly completed_at: number | null;
  readonly traceparent: string | null;
}

const columns = (sql: Sql | Tx) => sql`
  saga_id, user_id, email, cart_items, status, current_step, compensation_step, table_version, currency,
  expected_total_cents, priced_items, total_cents, shipping_address, payment_method, payment_succeeded, order_id,
  failure_code, failure_message, needs_operator, resend_count, deadline_at, shopper_present, language, provider, lines_short, action_expires_at,
  action_latest_at, card, created_at, updated_at, completed_at, traceparent`;

/** Reads and locks the sagas, in id order so that two batches cannot deadlock. Unknown ids are missing. */
export async function lockSagas(tx: Tx, sagaIds: readonly string[]): Promise<Saga[]> {
  const rows = await tx<SagaRow[]>`
    select ${columns(tx)} from saga_state where saga_id = any(${[...sagaIds]}::uuid[]) order by saga_id for update`;
  return rows.map(fromRow);
}

/** Locks the sagas that are free and returns those that another transaction has locked, without waiting. */
export function heldSagas(tx: Tx, sagaIds: readonly string[]): PendingQuery<HeldRow[]> {
  return tx<HeldRow[]>`
    with free as materialized (
      select saga_id from saga_state where saga_id = any(${[...sagaIds]}::uuid[]) order by saga_id for update skip locked)
    select saga_id, 'saga_state, saga ' || saga_id as row
      from (select saga_id from saga_state where saga_id = any(${[...sagaIds]}::uuid[]) except select saga_id from free) held`;
}

/** A host whose clock is behind by less must not take the longest wait of another for a wrong clock. */
const CLOCK_SKEW_MS = 60_000;

/**
 * A deadline beyond the longest possible delay comes from a fast clock that was corrected since. It starts again from now: the saga
 * must not be undone for a wrong clock. A saga that waits for its shopper may wait longer than any pause. Locked sagas have their turn
 * in a later run.
 */
export function pullInDeadlines(tx: Tx, now: number, deadlineMs: number): PromiseLike<unknown> {
  return tx`
    update saga_state set deadline_at = ${now + deadlineMs}::timestamptz
     where saga_id = any(array(
             select saga_id from saga_state
              where completed_at is null and deadline_at > ${now + LONGEST_PAUSE_MS}::timestamptz
                and (action_expires_at is null or deadline_at > ${now + MAX_ACTION_MS + CLOCK_SKEW_MS}::timestamptz)
                for update skip locked))`;
}

/**
 * Claims open sagas whose deadline has passed, the longest overdue first. Skips sagas that other replicas have locked, and sagas on
 * a table that this binary does not know. `now` in epoch ms. When `compared` names a database (past-watch.ts), nothing is claimed
 * in any other.
 */
export async function claimOverdueSagas(
  tx: Tx,
  now: number,
  limit: number,
  compared: string | null = null,
): Promise<Saga[]> {
  const rows = await tx<SagaRow[]>`
    select ${columns(tx)} from saga_state
     where completed_at is null and deadline_at <= ${now}::timestamptz
       and table_version = any(${[...KNOWN_TABLE_VERSIONS]}::integer[])
       and (${compared}::text is null or ${identity(tx, "saga")} = ${compared})
     order by deadline_at limit ${limit} for update skip locked`;
  return rows.map(fromRow);
}

/** What `saveSagas` needs to know of a saga: as it was read and as it is now. */
export interface Change {
  readonly before: Saga;
  readonly after: Saga;
}

/**
 * Writes the changed sagas with one statement. The array makes the planner probe the key even while the statistics of the table
 * still say that it is small.
 */
export function saveSagas(tx: Tx, changes: readonly Change[]): PromiseLike<unknown> {
  const rows = changes.map(({ before, after }) => ({
    ...positionColumns(after),
    saga_id: after.saga_id,
    // Written once, when the cart is priced; sending it again with each transition would be most of the statement's bytes.
    priced_items: after.priced_items === before.priced_items ? null : after.priced_items,
    total_cents: after.total_cents,
    // Written once, too.
    lines_short: after.lines_short === before.lines_short ? null : after.lines_short,
    payment_succeeded: after.payment_succeeded,
    // Written once, too.
    card: after.card === before.card ? null : after.card,
    action_expires_at: timestampOrNull(after.action_expires_at),
    action_latest_at: timestampOrNull(after.action_latest_at),
    needs_operator: after.needs_operator,
    deadline_at: timestampOrNull(after.deadline_at),
    updated_at: timestampOf(after.updated_at),
    completed_at: timestampOrNull(after.completed_at),
  }));
  return tx`
    with change as materialized (
      select *
        from json_to_recordset(${JSON.stringify(rows)}::text::json) as change (
             saga_id uuid, status text, current_step text, compensation_step text, priced_items jsonb, total_cents bigint,
             payment_succeeded boolean, order_id uuid, failure_code text, failure_message text, needs_operator boolean,
             resend_count integer, deadline_at timestamptz, updated_at timestamptz, completed_at timestamptz,
             lines_short jsonb, card jsonb, action_expires_at timestamptz, action_latest_at timestamptz))
    update saga_state s
       set status = c.status, current_step = c.current_step, compensation_step = c.compensation_step,
           priced_items = coalesce(c.priced_items, s.priced_items), total_cents = c.total_cents,
           payment_method = case when c.completed_at is null then s.payment_method end,
           payment_succeeded = c.payment_succeeded, order_id = c.order_id, failure_code = c.failure_code,
           failure_message = c.failure_message, needs_operator = c.needs_operator, resend_count = c.resend_count,
           deadline_at = c.deadline_at, updated_at = c.updated_at, completed_at = c.completed_at,
           lines_short = coalesce(c.lines_short, s.lines_short), card = coalesce(c.card, s.card), action_expires_at = c.action_expires_at,
           action_latest_at = c.action_latest_at, waited_for_shopper = s.waited_for_shopper or c.action_expires_at is not null
      from change c
     where s.saga_id = any(array(select saga_id from change))
       and s.saga_id = c.saga_id`;
}

/** From its next message on the saga is traced. */
export function saveTraceparent(tx: Tx, sagaId: string, traceparent: string): PromiseLike<unknown> {
  return tx`update saga_state set traceparent = ${traceparent} where saga_id = ${sagaId}`;
}

/** One line of the timeline of a saga, with its cause. */
export interface HistoryLine extends Transition {
  readonly saga_id: string;
  readonly message_id: string | null;
  readonly message_type: string;
}

/** Appends to the timeline, in the order given. `now` in epoch ms. */
export function appendHistory(tx: Tx, lines: readonly HistoryLine[], now: number): PendingQuery<Row[]> {
  const column = (of: (line: HistoryLine) => string | null) => columnText(lines, of);
  return tx`
    insert into saga_history (saga_id, from_status, to_status, step, message_id, message_type, note, at)
    select saga_id::uuid, from_status, to_status, step, message_id::uuid, message_type, note, ${now}::timestamptz
      from unnest(string_to_array(${column((line) => line.saga_id)}::text, ${RECORD_SEPARATOR}::text),
                  string_to_array(${column((line) => line.from)}::text, ${RECORD_SEPARATOR}::text),
                  string_to_array(${column((line) => line.to)}::text, ${RECORD_SEPARATOR}::text),
                  string_to_array(${column((line) => line.step)}::text, ${RECORD_SEPARATOR}::text),
                  string_to_array(${column((line) => line.message_id)}::text, ${RECORD_SEPARATOR}::text, ''),
                  string_to_array(${column((line) => line.message_type)}::text, ${RECORD_SEPARATOR}::text),
                  string_to_array(${column(({ note }) => note?.replaceAll(RECORD_SEPARATOR, " ") ?? null)}::text, ${RECORD_SEPARATOR}::text, ''))
        as line (saga_id, from_status, to_status, step, message_id, message_type, note)`;
}

/** The versions of the saga table that open sagas use. */
export async function openTableVersions(sql: Sql): Promise<number[]> {
  const rows = await sql<{ table_version: number }[]>`
    select distinct table_version from saga_state where completed_at is null`;
  return rows.map((row) => row.table_version);
}

/** The columns of a saga's position; `positionOf` is the way back. */
export function positionColumns(saga: Pick<Saga, "position" | "table_version">) {
  const { position } = saga;
  const isFailed = position.kind === "compensating" || position.kind === "compensated";
  return {
    status: statusOf(saga),
    current_step: position.at,
    compensation_step: position.kind === "compensating" ? position.undoing : null,
    resend_count: position.kind === "compensating" ? position.resends : 0,
    order_id: position.kind === "completed" ? position.order_id : null,
    failure_code: isFailed ? position.failure.code : null,
    failure_message: isFailed ? position.failure.message : null,
  };
}

function positionOf(row: SagaRow): Position {
  const at = row.current_step;
  switch (row.status) {
    case "STARTED":
    case "INVENTORY_RESERVED":
    case "PAYMENT_CHARGED":
    case "ORDER_CREATED":
      return { kind: "forward", at };
    case "COMPENSATING": {
      const undoing = row.compensation_step;
      assert(undoing !== null, `compensating saga ${row.saga_id} names no step to undo`);
      return { kind: "compensating", at, undoing, failure: failureOf(row), resends: row.resend_count };
    }
    case "COMPLETED":
      assert(row.order_id !== null, `completed saga ${row.saga_id} has no order`);
      return { kind: "completed", at, order_id: row.order_id };
    // An operator has closed a FAILED saga by hand. Like any finished saga it never moves again.
    case "FAILED":
    case "COMPENSATED":
      return { kind: "compensated", at, failure: failureOf(row) };
    default:
      return assertNever(row.status);
  }
}

function failureOf(row: SagaRow) {
  assert(row.failure_code !== null, `saga ${row.saga_id} does not say why it started to compensate`);
  return { code: row.failure_code, message: row.failure_message ?? "" };
}

function fromRow(row: SagaRow): Saga {
  assert(
    KNOWN_TABLE_VERSIONS.includes(row.table_version),
    `saga ${row.saga_id} uses version ${row.table_version} of the saga table, which this binary does not run`,
  );
  const { cart_items, shopper_present, traceparent, ...columnsOfRow } = row;
  const { status: _, current_step: _at, compensation_step: _undo, ...rest } = columnsOfRow;
  const {
    order_id: _order,
    failure_code: _code,
    failure_message: _message,
    resend_count: _resends,
    ...saga
  } = rest;
  return {
    ...saga,
    items: cart_items,
    shopper_present: shopper_present ?? false,
    position: positionOf(row),
    ...(traceparent === null ? {} : { traceparent }),
  };
}
