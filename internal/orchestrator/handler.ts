// The orchestrator's side of the message processor: every event of the services, decided by the saga table, a batch at a time.
import { MESSAGES } from "../../schemas/registry.ts";
import type { Event } from "../../schemas/events.ts";
import { TOPICS } from "../../schemas/topics.ts";
import type { Handler } from "../messaging/handler.ts";
import type { SagaPolicy } from "./saga.ts";
import { SagaBatch, type SagaObserver } from "./saga-batch.ts";
import { heldSagas, lockSagas } from "./store.ts";

export const SAGA_SERVICE = "orchestrator";

const EVENT_TOPICS = [TOPICS.inventoryEvents, TOPICS.paymentEvents, TOPICS.orderEvents] as const;

/** Events and the services' notices; commands and mails are not the orchestrator's. */
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
    // Nothing else reads the event topics, so what nobody knows is recorded here.
    ownsUnknown: true,
    // An event that cannot be handled goes to the dead-letter queue like a command; its saga then goes by its deadline.
    retryForever: new Set(),
    eventTopic: TOPICS.orderEvents,
    async load(tx, events) {
      return new SagaBatch(await lockSagas(tx, sagasOf(events)));
    },
    held: (tx, events) => heldSagas(tx, sagasOf(events)),
    decide: (batch, event, now) => batch.applyEvent(event, now, policy),
    save: (tx, batch, now) => batch.save(tx, now),
    committed: (batch) => batch.notify(observer),
  };
}

function sagasOf(events: readonly { readonly saga_id: string }[]): string[] {
  return [...new Set(events.map(({ saga_id }) => saga_id))];
}

function isEventType(type: string): type is Event["type"] {
  return EVENT_TYPES.has(type);
}
