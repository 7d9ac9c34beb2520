// Traces one saga from now on, for an operator who looks into it. Its next messages continue the trace, as does everything that they lead
// to. The trace begins with a span of its own, so that nothing in it lacks a parent. Called by api.ts.
import type { TraceSaga } from "../../schemas/http.ts";
import { assert } from "../kernel/errors.ts";
import type { Clock } from "../kernel/ports.ts";
import { SAGA_ID, SAGA_STATUS } from "../kernel/span-attributes.ts";
import { type Log, type Span, traceFields, type Tracer } from "../kernel/telemetry.ts";
import type { Database } from "../messaging/database.ts";
import { type ActedBy, recordActions } from "../messaging/operator-action-store.ts";
import { statusOf } from "./state.ts";
import { lockSagas, saveTraceparent } from "./store.ts";

export type TraceResult =
  | { readonly kind: "unknown" }
  /** This orchestrator records nothing. */
  | { readonly kind: "off" }
  /** `startedNow` is false if the saga was traced before. */
  | { readonly kind: "traced"; readonly traceId: string; readonly startedNow: boolean };

export interface TraceOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly tracer: Tracer;
  readonly log: Log;
}

/** Adds a line to the audit trail. */
export async function traceSaga(
  { database, clock, newId, tracer, log }: TraceOptions,
  sagaId: string,
  { actor, address = null, reason }: TraceSaga & ActedBy,
): Promise<TraceResult> {
  if (!tracer.isOn) return { kind: "off" };
  let span: Span | undefined;
  const result = await database.transaction(async ({ tx, send, finish }): Promise<TraceResult> => {
    const [[saga]] = await send([lockSagas(tx, [sagaId])]);
    if (saga === undefined) {
      await finish([]);
      return { kind: "unknown" };
    }
    const known = traceFields(saga.traceparent).trace_id;
    const status = statusOf(saga);
    if (known === undefined)
      span = tracer.root("saga trace", { attributes: { [SAGA_ID]: sagaId, [SAGA_STATUS]: status } });
    const traceId = known ?? traceFields(span?.traceparent).trace_id;
    assert(traceId !== undefined, "a tracer that is on starts traces");
    const line = {
      action_id: newId(),
      run_id: newId(),
      action: "saga.trace",
      subject: sagaId,
      saga_id: sagaId,
      actor,
      address,
      reason,
      outcome: known === undefined ? "tracing" : "already",
      detail: `trace ${traceId}`,
      at: clock.now(),
    } as const;
    await finish([
      ...(span?.traceparent === undefined ? [] : [saveTraceparent(tx, sagaId, span.traceparent)]),
      recordActions(tx, [line]),
    ]);
    return { kind: "traced", traceId, startedNow: known === undefined };
  });
  span?.end();
  if (result.kind === "traced")
    log.info(
      { saga_id: sagaId, actor, reason, trace_id: result.traceId },
      "an operator asks to trace a saga",
    );
  return result;
}
