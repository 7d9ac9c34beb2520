// Cancels one saga for an operator, with a reason. The saga table decides whether that is still possible. The decision,
// the messages of the saga and the line in the audit trail are one transaction. Called by api.ts.
import type { CancelSaga } from "../../schemas/http.ts";
import type { Clock } from "../kernel/ports.ts";
import type { Database } from "../messaging/database.ts";
import { type ActedBy, recordActions } from "../messaging/operator-action-store.ts";
import { append } from "../messaging/outbox.ts";
import { type Log, noTracer, type Tracer, traceFields } from "../kernel/telemetry.ts";
import type { SagaPolicy } from "./saga.ts";
import { SagaBatch, type SagaObserver } from "./saga-batch.ts";
import { sagaSpan } from "./saga-spans.ts";
import { type Saga, statusOf } from "./state.ts";
import { lockSagas } from "./store.ts";

/**
 * `cancelling`: this call started the compensation. `already`: the saga was compensating or compensated before. `too late`: it is
 * completed and stays so.
 */
export type CancelOutcome = "cancelling" | "already" | "too late";

export interface Cancellation {
  readonly outcome: CancelOutcome;
  /** The saga after the call. */
  readonly saga: Saga;
}

export interface CancelOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly policy: SagaPolicy;
  readonly observer: SagaObserver;
  readonly log: Log;
  /** Nothing is traced without it. */
  readonly tracer?: Tracer;
}

/** Null when there is no such saga. Every other outcome adds a line to the audit trail. */
export async function cancelSaga(
  options: CancelOptions,
  sagaId: string,
  { actor, address = null, reason }: CancelSaga & ActedBy,
): Promise<Cancellation | null> {
  const { database, clock, newId, policy, observer, log, tracer = noTracer } = options;
  const result = await database.transaction(async ({ tx, send, finish, appended }) => {
    const [sagas] = await send([lockSagas(tx, [sagaId])]);
    const [before] = sagas;
    if (before === undefined) {
      await finish([]);
      return null;
    }
    const now = clock.now();
    const span = sagaSpan(tracer, "saga cancel", before);
    const batch = new SagaBatch(sagas);
    const out = batch.apply(sagaId, { type: "OperatorCancel", reason }, now, policy);
    const saga = batch.current(sagaId);
    const outcome = outcomeOf(before, saga);
    const line = {
      action_id: newId(),
      run_id: newId(),
      action: "saga.cancel",
      subject: sagaId,
      saga_id: sagaId,
      actor,
      address,
      reason,
      outcome,
      detail: `${statusOf(before)} -> ${statusOf(saga)}`,
      at: now,
    } as const;
    await finish([
      ...batch.save(tx, now),
      ...append({ tx, appended }, [{ out, traceparent: span.traceparent }], { newId, now }),
      recordActions(tx, [line]),
    ]);
    return { batch, span, cancellation: { outcome, saga } };
  });
  if (result === null) return null;
  const { batch, span, cancellation } = result;
  span.end();
  batch.notify(observer);
  const status = statusOf(cancellation.saga);
  log.info(
    {
      saga_id: sagaId,
      ...traceFields(span.traceparent),
      actor,
      reason,
      outcome: cancellation.outcome,
      status,
    },
    "an operator asks to cancel a saga",
  );
  return cancellation;
}

function outcomeOf(before: Saga, after: Saga): CancelOutcome {
  if (before !== after) return "cancelling";
  return after.position.kind === "completed" ? "too late" : "already";
}
