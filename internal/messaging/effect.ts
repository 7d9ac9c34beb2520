// The heart of the recipe: the effect of a batch of messages, once, in one transaction of two round trips. Called for fresh
// messages (recipe.ts) and for those that failed before (retry.ts).
import type { MessageType } from "../../schemas/registry.ts";
import type { Clock } from "../kernel/ports.ts";
import type { Database, Tx } from "./database.ts";
import type { Delivery } from "./delivery.ts";
import { envelop, type Envelope } from "./envelope.ts";
import type { Handler } from "./handler.ts";
import { enterInbox } from "./inbox.ts";
import { outboxStatements } from "./outbox.ts";
import { pause } from "./pause.ts";

/** Another transaction being in the way is over in milliseconds; after so many times the batch is split instead. */
const MAX_CONFLICTS = 5;
const CONFLICT_PAUSE_MS = 20;

export interface EffectContext<Type extends MessageType, Rows> {
  readonly handler: Handler<Type, Rows>;
  readonly database: Database;
  readonly clock: Clock;
  /** UUIDv7, monotonic. */
  readonly newId: () => string;
  /** In [0, 1). */
  readonly random: () => number;
}

/** Statements that belong to the same transaction, for example the removal of the retry rows. */
type Alongside = (tx: Tx) => readonly PromiseLike<unknown>[];

/**
 * Applies all `deliveries` (distinct ids) or throws and leaves nothing behind. Returns the ids that had no effect before; the
 * others were duplicates. Every attempt starts from a fresh `load`, so a `decide` that throws half way cannot leak its
 * half-changed rows into a save.
 */
export async function applyOnce<Type extends MessageType, Rows>(
  context: EffectContext<Type, Rows>,
  deliveries: readonly Delivery<Type>[],
  alongside: Alongside = () => [],
): Promise<ReadonlySet<string>> {
  for (let conflicts = 1; ; conflicts += 1) {
    try {
      return await transact(context, deliveries, alongside);
    } catch (error) {
      if (context.database.faultOf(error) !== "conflict" || conflicts > MAX_CONFLICTS) throw error;
      await pause(CONFLICT_PAUSE_MS * context.random());
    }
  }
}

async function transact<Type extends MessageType, Rows>(
  context: EffectContext<Type, Rows>,
  deliveries: readonly Delivery<Type>[],
  alongside: Alongside,
): Promise<ReadonlySet<string>> {
  const { handler, database, clock } = context;
  const messages = deliveries.map((delivery) => delivery.message);
  const [fresh, rows] = await database.transaction(async (transaction) => {
    const { tx } = transaction;
    const [unseen, loaded] = await transaction.send<[ReadonlySet<string>, Rows]>([
      enterInbox(
        tx,
        messages.map((message) => message.message_id),
      ),
      handler.load(tx, messages),
    ]);
    const now = clock.now();
    const envelopes: Envelope[] = [];
    for (const message of messages) {
      if (!unseen.has(message.message_id)) continue;
      const { eventTopic } = handler;
      const { traceparent } = message;
      const outgoing = handler.decide(loaded, message, now);
      envelopes.push(...envelop(outgoing, { eventTopic, newId: context.newId, now, traceparent }));
    }
    await transaction.finish([
      ...handler.save(tx, loaded, now),
      ...outboxStatements(tx, envelopes),
      ...alongside(tx),
    ]);
    return [unseen, loaded] as const;
  });
  handler.committed?.(rows);
  return fresh;
}
