// The events that a restored saga database has not taken, beside those that the rebuild of a saga reads itself: the last ones to sagas that
// were finished at the backup, and whatever tells of shipping. Kafka delivers them no more, because their offsets are committed. They are
// handled as the orchestrator would have: most are ignored and only enter the inbox. Called by rebuild-run.ts.
import type { Event } from "../../schemas/events.ts";
import type { Message } from "../../schemas/registry.ts";
import type { Database } from "../messaging/database.ts";
import type { Outgoing } from "../messaging/handler.ts";
import { applyOnce, type InboxContext } from "../messaging/inbox-transaction.ts";
import { isDeadLetter, messageIdOf } from "../messaging/read-dead-letter.ts";
import { SAGA_SERVICE, sagaHandler } from "./handler.ts";
import type { SagaPolicy } from "./saga.ts";
import type { SagaBatch, SagaObserver } from "./saga-batch.ts";

/** Events in one transaction. */
const BATCH = 200;

/** Nobody measures what happened to a database that was lost. */
const NOBODY: SagaObserver = { decided: () => undefined, unknown: () => undefined, changed: () => undefined };

type Taking = Pick<InboxContext<Event["type"], SagaBatch>, "clock" | "newId"> & {
  readonly database: Database;
  readonly policy: SagaPolicy;
  /** What each saga has sent and this database may have lost. A mail among it is not sent again. */
  readonly sent: ReadonlyMap<string, readonly Message[]>;
};

/** Safe to repeat, and beside a running orchestrator: each event is taken once. */
export async function takeMissed(
  events: readonly Event[],
  { database, clock, newId, policy, sent }: Taking,
): Promise<void> {
  const live = sagaHandler(policy, NOBODY);
  const handler: typeof live = {
    ...live,
    decide: (batch, event, now) =>
      live.decide(batch, event, now).filter((message) => !wasMailed(message, sent.get(event.saga_id) ?? [])),
  };
  const context = { handler, database, clock, newId, random: Math.random };
  for (let start = 0; start < events.length; start += BATCH) {
    const part = events.slice(start, start + BATCH);
    await applyOnce(
      context,
      part.map((message) => ({ message, value: message, raw: noRecord })),
    );
  }
}

/** A shipped order is reported once for each parcel; a corrected one is another parcel. */
function wasMailed(message: Outgoing, sent: readonly Message[]): boolean {
  if (message.type !== "SendNotification") return false;
  return sent.some(
    (one) =>
      one.type === message.type &&
      one.template === message.template &&
      Bun.deepEquals(one.tracking, message.tracking),
  );
}

/** Only a message that fails needs its record, and a failure ends the rebuild. */
function noRecord(): never {
  throw new Error("an event of a rebuild has no record of Kafka");
}

/** The ids of the events among these dead letters that the orchestrator gave up: they stay given up until an operator replays them. */
export function givenUpIn(values: readonly unknown[]): readonly string[] {
  return values.flatMap((value) => {
    const id = isDeadLetter(value) && value.service === SAGA_SERVICE ? messageIdOf(value) : null;
    return id === null ? [] : [id];
  });
}
