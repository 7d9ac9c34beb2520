// The trace context of a saga, for an operator who wants it traced from now on. Called by trace.ts.
import type { Tx } from "../messaging/database.ts";

export function saveTraceparent(tx: Tx, sagaId: string, traceparent: string): PromiseLike<unknown> {
  return tx`update saga_state set traceparent = ${traceparent} where saga_id = ${sagaId}`;
}
