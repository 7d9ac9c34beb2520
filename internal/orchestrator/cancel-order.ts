// Starts the cancellation of a completed checkout's order, for an operator, with a reason, or for its shopper. The
// cancellation, its first command and the line in the audit trail are one transaction. Called by api.ts.
import type { CancelOrderRequest } from "../../schemas/http.ts";
import type { Clock } from "../kernel/ports.ts";
import type { Log } from "../kernel/telemetry.ts";
import type { Database } from "../messaging/database.ts";
import { type ActedBy, recordActions } from "../messaging/operator-action-store.ts";
import { append } from "../messaging/outbox.ts";
import { type OrderCancellation, startCancellation } from "./order-cancellation.ts";
import { insertCancellation, lockCancellations } from "./order-cancellation-store.ts";
import type { SagaPolicy } from "./saga.ts";
import { type Saga, statusOf } from "./state.ts";
import { lockSagas } from "./store.ts";

export interface CancelOrderOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly policy: SagaPolicy;
  readonly log: Pick<Log, "info">;
}

export type CancelOrderResult =
  /** `startedNow` is false if the order was being cancelled, or cancelled, before. */
  | { readonly kind: "cancelling"; readonly cancellation: OrderCancellation; readonly startedNow: boolean }
  /** The checkout is not completed, so the order is undone with it or not at all. */
  | { readonly kind: "not completed"; readonly saga: Saga }
  /** There is no such checkout, it made another order, or it is not the asking shopper's. */
  | { readonly kind: "unknown" };

/** Each request of an operator adds a line to the audit trail, unless it is `unknown`. A shopper's adds one only if it starts something. */
export async function cancelOrder(
  options: CancelOrderOptions,
  sagaId: string,
  request: CancelOrderRequest & ActedBy,
): Promise<CancelOrderResult> {
  const { database, clock, newId, policy, log } = options;
  // They may press as often as they like.
  const isShopper = request.user_id !== undefined;
  const result = await database.transaction(async ({ tx, send, finish, appended }) => {
    const [sagas] = await send([lockSagas(tx, [sagaId])]);
    const [saga] = sagas;
    if (saga === undefined || !isOrderOf(saga, request)) {
      await finish([]);
      return { kind: "unknown" } as const;
    }
    const now = clock.now();
    const line = (outcome: string, detail: string) =>
      recordActions(tx, [
        {
          action_id: newId(),
          run_id: newId(),
          action: "order.cancel",
          subject: request.order_id,
          saga_id: sagaId,
          actor: request.actor,
          address: request.address ?? null,
          reason: request.reason,
          outcome,
          detail,
          at: now,
        },
      ]);
    if (saga.position.kind !== "completed") {
      await finish(isShopper ? [] : [line("refused", `the checkout is ${statusOf(saga)}`)]);
      return { kind: "not completed", saga } as const;
    }
    // The lock on the checkout comes first, so that two requests cannot both find none.
    const [before] = await send([lockCancellations(tx, [sagaId])]);
    const running = before.findLast(({ status }) => status !== "REFUSED");
    if (running !== undefined) {
      await finish(isShopper ? [] : [line("already", `${running.status}, ${running.step}`)]);
      return { kind: "cancelling", cancellation: running, startedNow: false } as const;
    }
    const { cancellation, out } = startCancellation(newId(), saga, now, policy);
    await finish([
      insertCancellation(tx, cancellation),
      ...append({ tx, appended }, [{ out, traceparent: saga.traceparent }], { newId, now }),
      line("cancelling", `cancellation ${cancellation.cancellation_id}`),
    ]);
    return { kind: "cancelling", cancellation, startedNow: true } as const;
  });
  if (result.kind !== "unknown") {
    const { actor, reason, order_id } = request;
    log.info(
      { saga_id: sagaId, order_id, actor, reason, outcome: result.kind },
      isShopper ? "a shopper asks to cancel an order" : "an operator asks to cancel an order",
    );
  }
  return result;
}

/** A checkout that is not completed has no order id yet. */
function isOrderOf(saga: Saga, { order_id, user_id = saga.user_id }: CancelOrderRequest & ActedBy): boolean {
  const { position } = saga;
  return user_id === saga.user_id && (position.kind !== "completed" || position.order_id === order_id);
}
