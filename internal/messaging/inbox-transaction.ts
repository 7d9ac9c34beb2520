// The core of the message processor: applies a batch of messages exactly once, in one transaction of two round trips. Called for
// new messages (message-processor.ts) and for those that failed before (retry.ts).
import type { MessageType } from "../../schemas/registry.ts";
import { AppError } from "../kernel/errors.ts";
import type { Clock } from "../kernel/ports.ts";
import { noTracer, type Tracer } from "../kernel/telemetry.ts";
import { BatchSpans } from "./batch-spans.ts";
import type { Database, Transaction, Tx } from "./database.ts";
import type { Delivery } from "./delivery.ts";
import type { Handler } from "./handler.ts";
import type { HeldRow } from "./held-rows.ts";
import { enterInbox } from "./inbox.ts";
import { append, type Caused } from "./outbox.ts";
import { pause } from "./pause.ts";

/** A conflict with another transaction is over within milliseconds. After this many conflicts the batch is split instead. */
const MAX_CONFLICTS = 5;
const CONFLICT_PAUSE_MS = 20;

export interface InboxContext<Type extends MessageType, Rows> {
  readonly handler: Handler<Type, Rows>;
  readonly database: Database;
  readonly clock: Clock;
  /** UUIDv7, monotonic. */
  readonly newId: () => string;
  /** In [0, 1). */
  readonly random: () => number;
  /** Nothing is traced without it; the trace context goes on. */
  readonly tracer?: Tracer;
}

/** Statements that belong to the transaction of these deliveries, for example the removal of their retry rows. */
export type Alongside<Type extends MessageType> = (
  tx: Tx,
  deliveries: readonly Delivery<Type>[],
) => readonly PromiseLike<unknown>[];

/**
 * Applies all `deliveries` (distinct ids), or throws and changes nothing. Returns the ids that were new; the others were
 * duplicates. Every attempt starts with a new `load`, so a `decide` that throws half way cannot leak half-changed rows into a save.
 */
export async function applyOnce<Type extends MessageType, Rows>(
  context: InboxContext<Type, Rows>,
  deliveries: readonly Delivery<Type>[],
  alongside: Alongside<Type> = () => [],
): Promise<ReadonlySet<string>> {
  return pastConflicts(context, async () => {
    const { database, handler } = context;
    const effect = await database.transaction((transaction) =>
      transact(context, transaction, deliveries, alongside),
    );
    handler.committed?.(effect.rows);
    return effect.fresh;
  });
}

/** The result of deliveries when another transaction may have locked rows that they need. */
export interface AppliedParts<Type extends MessageType> {
  /** Deliveries whose effect is in the database, from now or from before. */
  readonly applied: readonly Delivery<Type>[];
  /** The ids of `applied` that were new. */
  readonly fresh: ReadonlySet<string>;
  /** Deliveries that were left out, without any effect, and the locked rows that they need. */
  readonly leftOut: readonly Delivery<Type>[];
  readonly held: readonly HeldRow[];
}

/**
 * Like `applyOnce`, but only for deliveries whose rows are free now. It waits for no row, which costs one more round trip. All
 * messages of a saga are left out together, so that they keep their order. It can still meet a lock on a whole table
 * (DATABASE_UNAVAILABLE) or on a key that another transaction is about to insert (DATABASE_LOCKED).
 */
export async function applyFree<Type extends MessageType, Rows>(
  context: InboxContext<Type, Rows>,
  deliveries: readonly Delivery<Type>[],
  alongside: Alongside<Type> = () => [],
): Promise<AppliedParts<Type>> {
  return pastConflicts(context, async () => {
    const { database, handler } = context;
    const done = await database.transaction(async (transaction) => {
      const messages = deliveries.map((delivery) => delivery.message);
      const [held] = await notWaiting(context, transaction.send([handler.held(transaction.tx, messages)]));
      const waiting = new Set(held.map(({ saga_id }) => saga_id));
      const isLeftOut = ({ message }: Delivery<Type>) => waiting.has(message.saga_id);
      const applied = deliveries.filter((delivery) => !isLeftOut(delivery));
      const parts = { applied, leftOut: deliveries.filter(isLeftOut), held };
      if (applied.length > 0)
        return { ...parts, ...(await transact(context, transaction, applied, alongside)) };
      await transaction.finish([]);
      return { ...parts, fresh: new Set<string>() };
    });
    if ("rows" in done) handler.committed?.(done.rows);
    return done;
  });
}

/** Repeats `work` after a conflict with another transaction, a few times. */
async function pastConflicts<T>(
  { database, random }: Pick<InboxContext<MessageType, unknown>, "database" | "random">,
  work: () => Promise<T>,
): Promise<T> {
  for (let conflicts = 1; ; conflicts += 1) {
    try {
      return await work();
    } catch (error) {
      if (database.faultOf(error) !== "conflict" || conflicts > MAX_CONFLICTS) throw error;
      await pause(CONFLICT_PAUSE_MS * random());
    }
  }
}

/** A query that waits for no row and still times out on a lock: the table itself is locked, and no message can proceed. */
export async function notWaiting<T>(
  { database }: { readonly database: Database },
  looking: Promise<T>,
): Promise<T> {
  try {
    return await looking;
  } catch (error) {
    if (database.faultOf(error) !== "locked") throw error;
    throw new AppError("DATABASE_UNAVAILABLE", "a whole table is locked", { cause: error });
  }
}

async function transact<Type extends MessageType, Rows>(
  context: InboxContext<Type, Rows>,
  transaction: Transaction,
  deliveries: readonly Delivery<Type>[],
  alongside: Alongside<Type>,
): Promise<{ readonly fresh: ReadonlySet<string>; readonly rows: Rows }> {
  const { handler, tracer = noTracer } = context;
  const spans = BatchSpans.start(tracer, handler.service, deliveries);
  try {
    const effect = await transactTraced(context, transaction, { deliveries, alongside, spans });
    spans?.done(deliveries, effect.fresh);
    return effect;
  } catch (error) {
    spans?.failed(error);
    throw error;
  }
}

interface Traced<Type extends MessageType> {
  readonly deliveries: readonly Delivery<Type>[];
  readonly alongside: Alongside<Type>;
  readonly spans: BatchSpans | undefined;
}

async function transactTraced<Type extends MessageType, Rows>(
  context: InboxContext<Type, Rows>,
  transaction: Transaction,
  { deliveries, alongside, spans }: Traced<Type>,
): Promise<{ readonly fresh: ReadonlySet<string>; readonly rows: Rows }> {
  const { handler, clock } = context;
  const { tx, appended } = transaction;
  const messages = deliveries.map((delivery) => delivery.message);
  const [unseen, loaded] = await transaction.send<[ReadonlySet<string>, Rows]>([
    enterInbox(
      tx,
      messages.map((message) => message.message_id),
    ),
    handler.load(tx, messages),
  ]);
  const now = clock.now();
  const caused: Caused[] = [];
  for (const delivery of deliveries) {
    const { message } = delivery;
    if (!unseen.has(message.message_id)) continue;
    const traceparent =
      spans === undefined
        ? message.traceparent
        : spans.contextOf(delivery, handler.traceparentOf?.(loaded, message));
    // What the service keeps of the trace continues this message, not the one that caused it.
    const traced = traceparent === message.traceparent ? message : { ...message, traceparent };
    const out = handler.decide(loaded, traced, now);
    caused.push({ out, traceparent });
    spans?.decided(delivery, out);
  }
  await transaction.finish([
    ...handler.save(tx, loaded, now),
    ...append({ tx, appended }, caused, { eventTopic: handler.eventTopic, newId: context.newId, now }),
    ...alongside(tx, deliveries),
  ]);
  return { fresh: unseen, rows: loaded };
}
