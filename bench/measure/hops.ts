// The time of a checkout hop by hop, from timestamps that the databases store anyway: when a message was written, when it was published,
// when its receiver's transaction began. Read after a run, never during it. Postgres stores the start of a transaction, so a hop from
// one message to the next includes the transaction that wrote the first and ends where the receiver's begins.
import type { Sql } from "postgres";
import { latenciesOf, quantile } from "../histograms.ts";

/** Enough checkouts for a 99th percentile, and few enough to read in a second. */
export const MAX_SAGAS = 4_000;

export interface Hop {
  readonly name: string;
  /** Median ms from the checkout's intended start to the end of the hop. Rows are sorted by it. */
  readonly endsAt: number;
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  /**
   * `start`, then alternately `delivery` of a message and `work` of its receiver, then `end`: together they are the whole time. `saga`
   * is the same path from the saga's history; `note` is additional.
   */
  readonly kind: "start" | "delivery" | "work" | "end" | "saga" | "note";
}

/** The timestamps of one checkout, in epoch ms. */
export interface SagaTimes {
  readonly intendedAt: number;
  readonly acceptedAt: number;
  readonly createdAt: number;
  readonly completedAt: number;
  readonly messages: readonly MessageTimes[];
  readonly transitions: readonly Transition[];
}

/** A transition from the saga's history. */
export interface Transition {
  readonly from: string;
  readonly to: string;
  readonly at: number;
}

export interface MessageTimes {
  readonly type: string;
  /** The database of the outbox, and the database of the inbox if there is one. */
  readonly from: string;
  readonly to: string | undefined;
  readonly writtenAt: number;
  readonly publishedAt: number | undefined;
  readonly handledAt: number | undefined;
}

/** Pure: the hops of these checkouts, in time order. */
export function hopsOf(sagas: readonly SagaTimes[]): readonly Hop[] {
  const hops = new Map<string, { kind: Hop["kind"]; took: number[]; ends: number[] }>();
  const add = (kind: Hop["kind"], name: string, intendedAt: number, from: number, until: number) => {
    const hop = hops.get(name) ?? { kind, took: [], ends: [] };
    hops.set(name, hop);
    hop.took.push(Math.max(0, until - from));
    hop.ends.push(until - intendedAt);
  };
  for (const { intendedAt, acceptedAt, createdAt, completedAt, messages, transitions } of sagas) {
    add("note", "intended start → 202", intendedAt, intendedAt, acceptedAt);
    add("start", "intended start → saga created", intendedAt, intendedAt, createdAt);
    let before = createdAt;
    for (const { from, to, at } of transitions) {
      if (from !== to) add("saga", `${from} → ${to}`, intendedAt, before, at);
      before = at;
    }
    const ordered = messages.toSorted((a, b) => a.writtenAt - b.writtenAt);
    let lastHandled: MessageTimes | undefined;
    for (const message of ordered) {
      const { type, to, writtenAt, publishedAt, handledAt } = message;
      if (publishedAt !== undefined)
        add("note", `${type}: written → marked as published`, intendedAt, writtenAt, publishedAt);
      if (handledAt === undefined) continue;
      add("delivery", `${type}: written → handled by ${to}`, intendedAt, writtenAt, handledAt);
      if (to === "saga") lastHandled = message;
      const next = ordered.find((other) => other.from === to && other.writtenAt >= handledAt);
      if (next !== undefined && to !== "saga")
        add("work", `${type}: handled → ${next.type} written`, intendedAt, handledAt, next.writtenAt);
    }
    if (lastHandled?.handledAt !== undefined)
      add("end", `${lastHandled.type}: handled → finished`, intendedAt, lastHandled.handledAt, completedAt);
  }
  // A receiver that replies in the same transaction has no measurable time of its own, so leave it out.
  const isTold = ({ kind, took }: { kind: Hop["kind"]; took: number[] }) =>
    kind !== "work" || took.some((ms) => ms > 0);
  return Array.from(hops)
    .filter(([, hop]) => isTold(hop))
    .map(([name, { kind, took, ends }]) => {
      const { p50, p99, count } = latenciesOf(took);
      const endsAt = quantile(
        ends.toSorted((a, b) => a - b),
        0.5,
      );
      return { name, kind, endsAt, count, p50, p99 };
    })
    .toSorted((a, b) => a.endsAt - b.endsAt);
}

type Messages = Map<string, MessageTimes[]>;

/** The messages of these sagas, by saga. `databases` by name, `since` in epoch ms. A database without the tables is skipped. */
export async function readMessages(
  databases: Readonly<Record<string, Sql>>,
  sagaIds: readonly string[],
  since: number,
): Promise<Messages> {
  const written = await Promise.all(
    Object.entries(databases).map(async ([name, sql]) => ({
      name,
      rows: await readOutbox(sql, sagaIds, since),
    })),
  );
  const ids = written.flatMap(({ rows }) => rows.map(({ event_id }) => event_id));
  const handled = new Map<string, { readonly to: string; readonly at: number }>();
  for (const [to, sql] of Object.entries(databases))
    for (const { message_id, at } of await readInbox(sql, ids, since)) handled.set(message_id, { to, at });
  const messages: Messages = new Map();
  for (const { name, rows } of written)
    for (const { event_id, saga_id, type, written_at, published_at } of rows) {
      const of = messages.get(saga_id) ?? [];
      messages.set(saga_id, of);
      const taken = handled.get(event_id);
      of.push({
        type,
        from: name,
        to: taken?.to,
        writtenAt: written_at,
        publishedAt: published_at ?? undefined,
        handledAt: taken?.at,
      });
    }
  return messages;
}

/** The transitions from the saga history, by saga, in order. */
export async function readTransitions(
  sagas: Sql,
  sagaIds: readonly string[],
): Promise<ReadonlyMap<string, readonly Transition[]>> {
  const rows = await sagas<{ saga_id: string; from: string; to: string; at: number }[]>`
    select saga_id, from_status as "from", to_status as "to", (extract(epoch from at) * 1000)::float8 as at
      from saga_history
     where saga_id in (select value::uuid from json_array_elements_text(${JSON.stringify(sagaIds)}::text::json))
     order by saga_id, history_id`;
  const bySaga = new Map<string, Transition[]>();
  for (const { saga_id, from, to, at } of rows) {
    const of = bySaga.get(saga_id) ?? [];
    bySaga.set(saga_id, of);
    of.push({ from, to, at });
  }
  return bySaga;
}

interface OutboxRow {
  readonly event_id: string;
  readonly saga_id: string;
  readonly type: string;
  readonly written_at: number;
  readonly published_at: number | null;
}

async function readOutbox(sql: Sql, sagaIds: readonly string[], since: number): Promise<OutboxRow[]> {
  if (!(await hasTable(sql, "outbox"))) return [];
  return sql<OutboxRow[]>`
    select event_id, partition_key as saga_id, coalesce(payload ->> 'type', '?') as type,
           (extract(epoch from created_at) * 1000)::float8 as written_at,
           (extract(epoch from published_at) * 1000)::float8 as published_at
      from outbox
     where event_id >= uuid_v7_floor(${new Date(since)})
       and partition_key in (select value from json_array_elements_text(${JSON.stringify(sagaIds)}::text::json))`;
}

async function readInbox(sql: Sql, messageIds: readonly string[], since: number) {
  if (!(await hasTable(sql, "inbox"))) return [];
  return sql<{ message_id: string; at: number }[]>`
    select message_id, (extract(epoch from received_at) * 1000)::float8 as at
      from inbox
     where message_id >= uuid_v7_floor(${new Date(since)})
       and message_id in (select value::uuid from json_array_elements_text(${JSON.stringify(messageIds)}::text::json))`;
}

async function hasTable(sql: Sql, name: string): Promise<boolean> {
  const [row] = await sql<{ there: boolean }[]>`select to_regclass(${name}) is not null as there`;
  return row?.there === true;
}
