// The sagas of one transaction. Inputs are applied one after the other, `save` returns the statements that write the result, and
// `notify` tells the observer after the commit. Called by handler.ts for events, by timers.ts for deadlines and by cancel.ts.
import type { Event } from "../../schemas/events.ts";
import type { Tx } from "../messaging/database.ts";
import type { Outgoing } from "../messaging/handler.ts";
import { recordActions } from "../messaging/operator-action-store.ts";
import { decideCancellation, isCancellationReply, type OrderCancellation } from "./order-cancellation.ts";
import { saveCancellations } from "./order-cancellation-store.ts";
import { decide, type Decision, type SagaPolicy } from "./saga.ts";
import { isShippingEvent, shippingAction, type ShippingEvent } from "./shipping.ts";
import type { Saga, SagaInput } from "./state.ts";
import { appendHistory, type Change, type HistoryLine, saveSagas } from "./store.ts";

/**
 * Learns what happened to sagas. Called only after the commit: a failed transaction is run again, in parts, and its first decisions
 * never happened.
 */
export interface SagaObserver {
  /** One input and its decision. */
  readonly decided: (input: SagaInput, decision: Decision) => void;
  /** An event for a saga that is not in this database: it is another system's, or the database was restored from the past. */
  readonly unknown: (event: Event) => void;
  /** The sagas that changed, each once. */
  readonly changed: (sagas: readonly Saga[]) => void;
}

export class SagaBatch {
  readonly #sagas = new Map<string, { readonly before: Saga; after: Saga }>();
  readonly #decided: { readonly input: SagaInput; readonly decision: Decision }[] = [];
  readonly #unknown: Event[] = [];
  readonly #shipping: ShippingEvent[] = [];

  /** Of each checkout that has one: the one that is not refused, else the newest. */
  readonly #cancellations = new Map<
    string,
    { readonly before: OrderCancellation; after: OrderCancellation }
  >();

  /** `cancellations`: those of these sagas, oldest first, if the inputs may be for them. */
  constructor(sagas: readonly Saga[], cancellations: readonly OrderCancellation[] = []) {
    for (const saga of sagas) this.#sagas.set(saga.saga_id, { before: saga, after: saga });
    for (const one of cancellations) {
      const known = this.#cancellations.get(one.saga_id);
      // At most one is not refused, and replies are for that one. Ids alone do not tell: a clock may have been ahead when one was made.
      if (known === undefined || known.before.status === "REFUSED")
        this.#cancellations.set(one.saga_id, { before: one, after: one });
    }
  }

  /** Applies an event to its saga, or to the cancellation of its order, and returns the messages to send. */
  applyEvent(event: Event, now: number, policy: SagaPolicy): readonly Outgoing[] {
    if (!this.#sagas.has(event.saga_id)) {
      this.#unknown.push(event);
      return [];
    }
    const cancelling = this.#cancellations.get(event.saga_id);
    if (cancelling !== undefined && isCancellationReply(event)) {
      const saga = this.current(event.saga_id);
      const { cancellation, out } = decideCancellation(cancelling.after, saga, event, now, policy);
      cancelling.after = cancellation;
      return out;
    }
    if (isShippingEvent(event)) this.#shipping.push(event);
    return this.apply(event.saga_id, event, now, policy);
  }

  /** Applies one input to a saga of this batch and returns the messages that the saga sends. */
  apply(sagaId: string, input: SagaInput, now: number, policy: SagaPolicy): readonly Outgoing[] {
    const entry = this.#entry(sagaId);
    const decision = decide(entry.after, input, now, policy);
    entry.after = decision.saga;
    this.#decided.push({ input, decision });
    return decision.out;
  }

  /** A saga of this batch after the applied inputs; the same object as before when nothing changed. */
  current(sagaId: string): Saga {
    return this.#entry(sagaId).after;
  }

  /** Undefined if the saga keeps no trace, or is not in this batch. */
  traceparentOf(sagaId: string): string | undefined {
    return this.#sagas.get(sagaId)?.after.traceparent;
  }

  /** The statements that write the changes; empty when nothing changed. */
  save(tx: Tx, now: number): readonly PromiseLike<unknown>[] {
    const actions = this.#shipping.map((event) => shippingAction(event, now));
    const moved = [...this.#cancellations.values()].filter(({ before, after }) => before !== after);
    const others = [
      ...(actions.length === 0 ? [] : [recordActions(tx, actions)]),
      ...(moved.length === 0
        ? []
        : [
            saveCancellations(
              tx,
              moved.map(({ after }) => after),
            ),
          ]),
    ];
    const changes = this.#changes();
    if (changes.length === 0) return others;
    const history = this.#decided.flatMap(({ input, decision }) => linesOf(input, decision));
    const lines = history.length === 0 ? [] : [appendHistory(tx, history, now)];
    return [saveSagas(tx, changes), ...lines, ...others];
  }

  /** Call once the statements of `save` are committed. */
  notify(observer: SagaObserver): void {
    for (const { input, decision } of this.#decided) observer.decided(input, decision);
    for (const event of this.#unknown) observer.unknown(event);
    observer.changed(this.#changes().map(({ after }) => after));
  }

  #entry(sagaId: string) {
    const entry = this.#sagas.get(sagaId);
    if (entry === undefined) throw new RangeError(`saga ${sagaId} is not in this batch`);
    return entry;
  }

  #changes(): readonly Change[] {
    return [...this.#sagas.values()].filter(({ before, after }) => before !== after);
  }
}

function linesOf(input: SagaInput, { saga, history }: Decision): readonly HistoryLine[] {
  const cause = {
    saga_id: saga.saga_id,
    message_id: "message_id" in input ? input.message_id : null,
    message_type: input.type,
  };
  return history.map((transition) => ({ ...transition, ...cause }));
}
