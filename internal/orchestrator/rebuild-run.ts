// Brings a saga database that was restored from a backup up to date. It rebuilds (rebuild.ts) every saga that has sent something
// this database does not know, every saga that the database does not know at all, and every saga that it considers open. Lost
// messages are written back into the outbox, with the cancellations of finished orders that they belong to. Then it takes the events that
// came for the other sagas (rebuild-missed.ts). Called by `checkoutctl saga rebuild`.
//
// A second run changes nothing more: a saga and its messages are one transaction, and its inbox follows in the next.
import { timestampOf } from "../kernel/timestamp.ts";
import { type Message } from "../../schemas/registry.ts";
import { TOPICS, type Topic } from "../../schemas/topics.ts";
import type { Event } from "../../schemas/events.ts";
import type { SagaStatus } from "../../schemas/http.ts";
import type { Clock } from "../kernel/ports.ts";
import type { Database, Tx } from "../messaging/database.ts";
import { decode } from "../messaging/envelope.ts";
import { enterInbox, findInInbox } from "../messaging/inbox.ts";
import { recordActions } from "../messaging/operator-action-store.ts";
import { findInOutbox, insertPublished, append, type PublishedRow } from "../messaging/outbox.ts";
import { DEFAULT_FORWARD_DEADLINE_MS } from "./action.ts";
import { insertSagas, type NewSaga } from "./intake-store.ts";
import { RecordedDeadline } from "./recorded-deadline.ts";
import { rebuild, type Rebuilt, type Traces } from "./rebuild.ts";
import {
  cancellationsIn,
  type CancellationsRebuilt,
  type OrderFound,
  ordersThatStood,
  type TracedCancellation,
  withOrders,
} from "./rebuild-cancellations.ts";
import { givenUpIn, takeMissed } from "./rebuild-missed.ts";
import {
  findSagaIds,
  finishedAmong,
  knownCancellations,
  openSagaIds,
  restoreCancellations,
} from "./rebuild-store.ts";
import type { SagaPolicy } from "./saga.ts";
import { isShippingEvent } from "./shipping.ts";
import { statusOf } from "./state.ts";
import { appendHistory, type HistoryLine, lockSagas, saveSagas } from "./store.ts";

const SENT = [TOPICS.commands, TOPICS.notifications] as const;
const RECEIVED = [TOPICS.inventoryEvents, TOPICS.paymentEvents, TOPICS.orderEvents] as const;
/** Sagas in one transaction. */
const BATCH = 200;

/** Valid until the next batch is requested. */
export interface TopicBatch {
  readonly values: readonly unknown[];
  raw(index: number): { readonly timestampMs: number };
}

export interface RebuildOptions {
  readonly database: Database;
  /** The topic from its beginning to its current end. */
  readonly readTopic: (topic: Topic) => AsyncIterable<TopicBatch> | Iterable<TopicBatch>;
  /** The orders of these sagas. */
  readonly ordersOf: (sagaIds: readonly string[]) => Promise<readonly OrderFound[]>;
  readonly clock: Clock;
  /** UUIDv7. */
  readonly newId: () => string;
  /** Without a forward deadline: the one that the messages tell. The messages also tell the table of each saga. */
  readonly policy: Omit<SagaPolicy, "forwardDeadlineMs" | "authorizeFirst"> & {
    readonly forwardDeadlineMs: number | null;
  };
  readonly actor: string;
  readonly reason: string;
  /** Reports what would be done, and changes nothing. */
  readonly dryRun: boolean;
}

export interface RebuiltSaga {
  readonly saga_id: string;
  /** Null when the database did not know it. */
  readonly from: SagaStatus | null;
  readonly to: SagaStatus;
  /** The messages that it sends now. */
  readonly says: readonly string[];
  /** Another saga has its Idempotency-Key: the shopper has sent the checkout again meanwhile. */
  readonly key_taken: boolean;
}

export interface RebuildReport {
  readonly run_id: string;
  /** Messages that Kafka has and this database had lost. */
  readonly lost_messages: number;
  readonly sagas: readonly RebuiltSaga[];
  /** Of finished orders. */
  readonly cancellations: CancellationsRebuilt;
  /** Events to finished sagas, and about shipping, that this database had not taken. */
  readonly missed_events: number;
  /** Sagas with too few traces. */
  readonly not_rebuilt: readonly string[];
  /** What an open saga gets, and from where. `assumed`: no message has it, so it is the default of FORWARD_DEADLINE_MS. */
  readonly forward_deadline: {
    readonly ms: number;
    readonly source: "given" | "messages" | "assumed";
  };
}

export async function rebuildSagas(options: RebuildOptions): Promise<RebuildReport> {
  const run_id = options.newId();
  const { sent, lost, recordedMs } = await readSent(options);
  const forward_deadline = forwardDeadline(options.policy.forwardDeadlineMs, recordedMs);
  const policy: SagaPolicy = {
    ...options.policy,
    forwardDeadlineMs: forward_deadline.ms,
    authorizeFirst: new Set(),
  };
  const { received, missed } = await readReceived(options, new Set(sent.keys()));
  const report = emptyReport(run_id, lost.size, missed.length, forward_deadline);
  const ids = [...sent.keys()];
  for (let start = 0; start < ids.length; start += BATCH) {
    const part = ids.slice(start, start + BATCH);
    const traced = cancellationsIn(part.flatMap((id) => sent.get(id) ?? []));
    const orders = ordersThatStood(await options.ordersOf(part), traced);
    const traces = part.map((saga_id): Traces => ({
      saga_id,
      sent: sent.get(saga_id) ?? [],
      received: received.get(saga_id) ?? [],
      order: orders.get(saga_id) ?? null,
    }));
    await options.database.transaction(async ({ tx, send, finish }) => {
      const now = options.clock.now();
      const [known] = await send([lockSagas(tx, part)]);
      const byId = new Map(known.map((saga) => [saga.saga_id, saga]));
      const rebuilt: Rebuilt[] = [];
      for (const one of traces) {
        const found = rebuild(byId.get(one.saga_id) ?? null, one, now, policy);
        if (found === null) report.not_rebuilt.push(one.saga_id);
        else rebuilt.push(found);
      }
      const begun = rebuilt.flatMap(({ before: saga, begun: begin }) =>
        begin === null ? [] : [{ saga, request: begin.request }],
      );
      const taken = options.dryRun || begun.length === 0 ? new Set<string>() : await insert(tx, send, begun);
      const moved = rebuilt.filter(({ way, begun: begin }) => way.length > 0 || begin !== null);
      const moves = moved.map((one) => movedOf(one, taken));
      report.sagas.push(...moves);
      const missing = await missingCancellations({ tx, send }, traced);
      const { lost: cancelling, not_rebuilt } = withOrders(missing, rebuilt, orders);
      report.cancellations.rebuilt.push(...cancelling.map(({ saga_id, step }) => ({ saga_id, step })));
      report.cancellations.not_rebuilt.push(...not_rebuilt);
      if (options.dryRun) return finish([]);
      const rows = part.flatMap((id) =>
        (sent.get(id) ?? []).flatMap(({ message_id }) => lost.get(message_id) ?? []),
      );
      await finish([
        ...(rows.length === 0 ? [] : [insertPublished(tx, rows)]),
        ...statementsOf(tx, rebuilt, options, now),
        ...(cancelling.length === 0 ? [] : [restoreCancellations(tx, cancelling, now)]),
        ...(moves.length === 0
          ? []
          : [
              recordActions(
                tx,
                moves.map((one) => lineOf(one, options, run_id, now)),
              ),
            ]),
      ]);
    });
    const heard = traces.flatMap((one) => one.received.map(({ message_id }) => message_id));
    if (!options.dryRun && heard.length > 0) await enter(options.database, heard);
  }
  if (!options.dryRun) await takeMissed(missed, { ...options, policy, sent });
  return report;
}

function emptyReport(
  run_id: string,
  lost_messages: number,
  missed_events: number,
  forward_deadline: RebuildReport["forward_deadline"],
) {
  const cancellations = {
    rebuilt: [] as CancellationsRebuilt["rebuilt"][number][],
    not_rebuilt: [] as string[],
  };
  const [sagas, not_rebuilt]: [RebuiltSaga[], string[]] = [[], []];
  return { run_id, lost_messages, sagas, cancellations, missed_events, not_rebuilt, forward_deadline };
}

/** Those that are not in the database. */
async function missingCancellations(
  { tx, send }: { readonly tx: Tx; readonly send: Send },
  traced: readonly TracedCancellation[],
): Promise<readonly TracedCancellation[]> {
  if (traced.length === 0) return [];
  const [kept] = await send([
    knownCancellations(
      tx,
      traced.map(({ cancellation_id }) => cancellation_id),
    ),
  ]);
  const there = new Set(kept.map(({ cancellation_id }) => cancellation_id));
  return traced.filter(({ cancellation_id }) => !there.has(cancellation_id));
}

async function enter(database: Database, messageIds: readonly string[]): Promise<void> {
  await database.transaction(async ({ tx, send, finish }) => {
    await send([enterInbox(tx, messageIds)]);
    await finish([]);
  });
}

function forwardDeadline(
  givenMs: number | null,
  recordedMs: number | null,
): RebuildReport["forward_deadline"] {
  if (givenMs !== null) return { ms: givenMs, source: "given" };
  if (recordedMs !== null) return { ms: recordedMs, source: "messages" };
  return { ms: DEFAULT_FORWARD_DEADLINE_MS, source: "assumed" };
}

type Send = Parameters<Parameters<Database["transaction"]>[0]>[0]["send"];

/** Inserts the missing sagas and returns those whose client key belongs to another saga by now. */
async function insert(tx: Tx, send: Send, begun: readonly NewSaga[]): Promise<ReadonlySet<string>> {
  const [inserted] = await send([insertSagas(tx, begun)]);
  const rest = begun.filter(({ saga }) => !inserted.has(saga.saga_id));
  if (rest.length > 0) {
    const renamed = rest.map(({ saga, request }) => ({
      saga,
      request: { ...request, client_key: `rebuilt:${saga.saga_id}` },
    }));
    await send([insertSagas(tx, renamed)]);
  }
  return new Set(rest.map(({ saga }) => saga.saga_id));
}

function statementsOf(tx: Tx, rebuilt: readonly Rebuilt[], { newId }: RebuildOptions, now: number) {
  const changes = rebuilt.filter(({ before, after }) => before !== after);
  const lines = rebuilt.flatMap(({ begun, before, way }): HistoryLine[] => [
    ...(begun?.decision.history ?? []).map((line) => ({
      ...line,
      saga_id: before.saga_id,
      message_id: null,
      message_type: "StartSaga",
    })),
    ...way.flatMap(({ input, decision }) =>
      decision.history.map((line) => ({
        ...line,
        saga_id: before.saga_id,
        message_id: "message_id" in input ? input.message_id : null,
        message_type: input.type,
      })),
    ),
  ]);
  return [
    ...(changes.length === 0 ? [] : [saveSagas(tx, changes)]),
    ...(lines.length === 0 ? [] : [appendHistory(tx, lines, now)]),
    ...append({ tx, appended: null }, rebuilt, { newId, now }),
  ];
}

function movedOf({ begun, before, after, out }: Rebuilt, taken: ReadonlySet<string>): RebuiltSaga {
  return {
    saga_id: before.saga_id,
    from: begun === null ? statusOf(before) : null,
    to: statusOf(after),
    says: out.map(({ type }) => type),
    key_taken: taken.has(before.saga_id),
  };
}

function lineOf({ saga_id, from, to }: RebuiltSaga, options: RebuildOptions, run_id: string, at: number) {
  const { newId, actor, reason } = options;
  const detail = `${from ?? "lost"} -> ${to}`;
  const what = { action: "saga.rebuild", subject: saga_id, saga_id, actor, reason } as const;
  return { action_id: newId(), run_id, ...what, outcome: "rebuilt", detail, at };
}

/**
 * What sagas have sent, by saga: messages that this database does not know, and messages of sagas that it does not know or
 * considers open. Open sagas without such a message are included. `lost` holds the rows to write back, by message id.
 */
async function readSent({ database, readTopic }: RebuildOptions) {
  const { sql } = database;
  const open = await openSagaIds(sql);
  const sent = new Map<string, Message[]>([...open].map((id) => [id, []]));
  const lost = new Map<string, PublishedRow>();
  const recorded = new RecordedDeadline();
  for (const topic of SENT) {
    for await (const batch of readTopic(topic)) {
      const read = batch.values.flatMap((value, index) => {
        const decoded = decode(value);
        return decoded.ok ? [{ message: decoded.message, index }] : [];
      });
      const kept = await findInOutbox(
        sql,
        read.map(({ message }) => message.message_id),
      );
      const known = await findSagaIds(sql, [...new Set(read.map(({ message }) => message.saga_id))]);
      for (const { message, index } of read) {
        recorded.add(message);
        const { message_id, saga_id } = message;
        const isLost = !kept.has(message_id);
        if (isLost) lost.set(message_id, rowOf(topic, message, batch.raw(index).timestampMs));
        if (!isLost && known.has(saga_id) && !open.has(saga_id)) continue;
        sent.set(saga_id, [...(sent.get(saga_id) ?? []), message]);
      }
    }
  }
  return { sent, lost, recordedMs: recorded.ms };
}

function rowOf(topic: Topic, payload: Message, timestampMs: number): PublishedRow {
  const { message_id: event_id, saga_id: partition_key, type } = payload;
  return { event_id, topic, partition_key, type, payload, published_at: timestampOf(timestampMs) };
}

/** `received`: what the rebuild of these sagas reads. `missed`: what this database has to take beside that, in topic order. */
async function readReceived({ database, readTopic }: RebuildOptions, sagaIds: ReadonlySet<string>) {
  const received = new Map<string, Event[]>();
  const missed = new Map<string, Event>();
  const givenUp = new Set<string>();
  for await (const { values } of readTopic(TOPICS.deadLetters))
    for (const id of givenUpIn(values)) givenUp.add(id);
  for (const topic of RECEIVED) {
    for await (const { values } of readTopic(topic)) {
      const events = values.flatMap((value) => {
        const decoded = decode(value);
        return decoded.ok && isEvent(decoded.message) ? [decoded.message] : [];
      });
      const isRead = (event: Event) => sagaIds.has(event.saga_id) && !isShippingEvent(event);
      for (const event of events)
        if (isRead(event)) received.set(event.saga_id, [...(received.get(event.saga_id) ?? []), event]);
      const others = events.filter((event) => !isRead(event) && !givenUp.has(event.message_id));
      const taken = await findInInbox(
        database.sql,
        others.map(({ message_id }) => message_id),
      );
      const untaken = others.filter(({ message_id }) => !taken.has(message_id));
      // Those of sagas in progress are on their way to the running orchestrator.
      const finished = await finishedAmong(database.sql, [...new Set(untaken.map(({ saga_id }) => saga_id))]);
      for (const event of untaken)
        if (finished.has(event.saga_id) || isShippingEvent(event)) missed.set(event.message_id, event);
    }
  }
  return { received, missed: [...missed.values()] };
}

/** A message on an event topic that is not a command is an event. */
function isEvent(message: Message): message is Event {
  return !("idempotency_key" in message) && message.type !== "SendNotification";
}
