// Spans of what moves a saga besides its messages: its deadline, or an operator who cancels it. They join the trace that the saga keeps,
// if it keeps one. Used by timers.ts and cancel.ts.
import { SAGA_ID, SAGA_STATUS, SAGA_STEP } from "../kernel/span-attributes.ts";
import { passingSpan, type Span, type Tracer } from "../kernel/telemetry.ts";
import { type Saga, statusOf } from "./state.ts";

/** End it after the commit; the span of a transaction that fails is dropped. */
export function sagaSpan(tracer: Tracer, name: string, saga: Saga): Span {
  if (!tracer.isOn || saga.traceparent === undefined) return passingSpan(saga.traceparent);
  const attributes = {
    [SAGA_ID]: saga.saga_id,
    [SAGA_STATUS]: statusOf(saga),
    [SAGA_STEP]: saga.position.at,
  };
  return tracer.span(name, saga.traceparent, { attributes });
}
