// The orchestrator's side of the recipe: every event of the services, decided by the saga table, a batch at a time.
import { MESSAGES } from "../../schemas/registry.ts";
import type { Event } from "../../schemas/events.ts";
import { TOPICS } from "../../schemas/topics.ts";
import type { Tx } from "../messaging/database.ts";
import type { Handler, Outgoing } from "../messaging/handler.ts";
import { decide, type Decision, type SagaPolicy } from "./saga.ts";
import type { Saga, SagaInput } from "./state.ts";
import { appendHistory, type Change, type HistoryLine, lockSagas, saveSagas } from "./store.ts";

export const SAGA_SERVICE = "orchestrator";

/** Everything that can be told about a decision once it is made; metrics and logs hang on it. */
export type ObserveDecision = (input: SagaInput, decision: Decision) => void;

/** The sagas of one batch: as they were read and as they are now, with the timeline they have earned. */
export class SagaBatch {
  readonly #changes = new Map<string, { readonly before: Saga; after: Saga }>();
  readonly #history: HistoryLine[] = [];

  constructor(sagas: readonly Saga[]) {
    for (const saga of sagas) this.#changes.set(saga.saga_id, { before: saga, after: saga });
  }

  /** Applies one input to its saga. Null where this database has no such saga. */
  apply(saga_id: string, input: SagaInput, now: number, policy: SagaPolicy): Decision | null {
    const change = this.#changes.get(saga_id);
    if (change === undefined) return null;
    const decision = decide(change.after, input, now, policy);
    change.after = decision.saga;
    const message_id = "message_id" in input ? input.message_id : null;
    for (const line of decision.history)
      this.#history.push({ ...line, saga_id, message_id, message_type: input.type });
    return decision;
  }

  get changed(): readonly Change[] {
    return [...this.#changes.values()].filter(({ before, after }) => before !== after);
  }

  /** The statements that write what changed. */
  save(tx: Tx, now: number): PromiseLike<unknown>[] {
    const changed = this.changed;
    if (changed.length === 0) return [];
    const statements = [saveSagas(tx, changed)];
    if (this.#history.length > 0) statements.push(appendHistory(tx, this.#history, now));
    return statements;
  }
}

const EVENT_TOPICS = [TOPICS.inventoryEvents, TOPICS.paymentEvents, TOPICS.orderEvents] as const;

/** Events and the services' notices; commands and mails are not the orchestrator's. */
const EVENT_TYPES = new Set(
  Object.entries(MESSAGES)
    .filter(([, { topic }]) => topic === "own" || EVENT_TOPICS.some((own) => own === topic))
    .map(([type]) => type),
);

function isEventType(type: string): type is Event["type"] {
  return EVENT_TYPES.has(type);
}

export interface SagaHandlerOptions {
  readonly policy: SagaPolicy;
  readonly observe: ObserveDecision;
  /** An event for a saga that is not in this database: another system's, or the database was restored from the past. */
  readonly onUnknownSaga: (event: Event) => void;
  /** Called after each commit with the sagas that changed, to wake who waits for them. */
  readonly onChanged: (sagas: readonly Saga[]) => void;
}

export function sagaHandler(options: SagaHandlerOptions): Handler<Event["type"], SagaBatch> {
  const { policy, observe, onUnknownSaga, onChanged } = options;
  return {
    service: SAGA_SERVICE,
    topics: EVENT_TOPICS,
    types: [...EVENT_TYPES].filter(isEventType),
    // Nothing else reads the event topics, so what nobody knows is recorded here.
    ownsUnknown: true,
    // An event that cannot be handled goes to the dead-letter queue like a command; its saga then goes by its deadline.
    neverGiveUp: new Set(),
    eventTopic: TOPICS.orderEvents,
    async load(tx, events) {
      return new SagaBatch(await lockSagas(tx, [...new Set(events.map((event) => event.saga_id))]));
    },
    decide(batch, event, now): readonly Outgoing[] {
      const decision = batch.apply(event.saga_id, event, now, policy);
      if (decision === null) {
        onUnknownSaga(event);
        return [];
      }
      observe(event, decision);
      return decision.out;
    },
    save: (tx, batch, now) => batch.save(tx, now),
    committed: (batch) => onChanged(batch.changed.map(({ after }) => after)),
  };
}
