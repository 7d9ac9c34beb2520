// The orchestrator's handler for the message processor: the saga table decides every event of the services, in batches.
import { MESSAGES } from "../../schemas/registry.ts";
import type { Event } from "../../schemas/events.ts";
import { TOPICS } from "../../schemas/topics.ts";
import type { Handler } from "../messaging/handler.ts";
import type { HeldRow } from "../messaging/held-rows.ts";
import { isCancellationReply } from "./order-cancellation.ts";
import { heldCancellations, lockCancellations } from "./order-cancellation-store.ts";
import type { SagaPolicy } from "./saga.ts";
import { SagaBatch, type SagaObserver } from "./saga-batch.ts";
import { heldSagas, lockSagas } from "./store.ts";

export const SAGA_SERVICE = "orchestrator";

const EVENT_TOPICS = [TOPICS.inventoryEvents, TOPICS.paymentEvents, TOPICS.orderEvents] as const;

/** Events, and messages that services send on their own topics. Commands and mails are not for the orchestrator. */
const EVENT_TYPES = new Set(
  Object.entries(MESSAGES)
    .filter(([, { topic }]) => topic === "own" || EVENT_TOPICS.some((own) => own === topic))
    .map(([type]) => type),
);

export function sagaHandler(policy: SagaPolicy, observer: SagaObserver): Handler<Event["type"], SagaBatch> {
  return {
    service: SAGA_SERVICE,
    topics: EVENT_TOPICS,
    types: [...EVENT_TYPES].filter(isEventType),
    // No other service reads the event topics, so unknown messages are recorded here.
    ownsUnknown: true,
    // An event that cannot be handled is dead-lettered like a command. Its saga then waits for its deadline.
    retryForever: new Set(),
    eventTopic: TOPICS.orderEvents,
    async load(tx, events) {
      const replies = events.filter(isCancellationReply);
      const [sagas, cancellations] = await Promise.all([
        lockSagas(tx, sagasOf(events)),
        replies.length === 0 ? [] : lockCancellations(tx, sagasOf(replies)),
      ]);
      return new SagaBatch(sagas, cancellations);
    },
    held(tx, events) {
      const replies = events.filter(isCancellationReply);
      const sagas = heldSagas(tx, sagasOf(events));
      return replies.length === 0 ? sagas : bothHeld(sagas, heldCancellations(tx, sagasOf(replies)));
    },
    decide: (batch, event, now) => batch.applyEvent(event, now, policy),
    traceparentOf: (batch, { saga_id }) => batch.traceparentOf(saga_id),
    save: (tx, batch, now) => batch.save(tx, now),
    committed: (batch) => batch.notify(observer),
  };
}

/** Once per saga. */
async function bothHeld(
  sagas: PromiseLike<readonly HeldRow[]>,
  cancellations: PromiseLike<readonly HeldRow[]>,
): Promise<readonly HeldRow[]> {
  const rows = (await Promise.all([sagas, cancellations])).flat();
  return [...new Map(rows.map((row) => [row.saga_id, row])).values()];
}

function sagasOf(events: readonly { readonly saga_id: string }[]): string[] {
  return [...new Set(events.map(({ saga_id }) => saga_id))];
}

function isEventType(type: string): type is Event["type"] {
  return EVENT_TYPES.has(type);
}
