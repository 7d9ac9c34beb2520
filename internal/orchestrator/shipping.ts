// What the orchestrator does when an operator has shipped an order, or recorded its delivery: a line in the audit trail, and for a
// shipped order a mail to the shopper, whose address only the saga has. It moves no saga. Pure; called by saga.ts and saga-batch.ts.
import type { OrderDelivered, OrderShipped } from "../../schemas/events.ts";
import { ERASED } from "../../schemas/fields.ts";
import type { Outgoing } from "../messaging/handler.ts";
import type { OperatorAction } from "../messaging/operator-action-store.ts";
import { mailTo } from "./commands.ts";
import type { Saga, SagaInput } from "./state.ts";

export type ShippingEvent = OrderShipped | OrderDelivered;

export function isShippingEvent(input: SagaInput): input is ShippingEvent {
  return input.type === "OrderShipped" || input.type === "OrderDelivered";
}

/**
 * The mail. Also before the saga is completed, because this event may overtake the one that completes it. None to a shopper who was
 * told that the checkout failed: an operator has to explain that parcel. None after the shopper's address was erased.
 */
export function shippingMail(saga: Saga, event: ShippingEvent): readonly Outgoing[] {
  const isUnwanted = saga.position.kind === "compensated" || saga.email === ERASED.email;
  if (event.type !== "OrderShipped" || isUnwanted) return [];
  const { order_id, tracking } = event;
  const parcel = tracking === undefined ? {} : { tracking };
  return [{ ...mailTo(saga), template: "order_shipped", order_id, ...parcel }];
}

/** The line of the audit trail. Its id is the event's, so that a repeated event adds none. `now` in epoch ms. */
export function shippingAction(event: ShippingEvent, now: number): OperatorAction {
  const { message_id, order_id, saga_id, actor, reason } = event;
  const line = {
    action_id: message_id,
    run_id: message_id,
    subject: order_id,
    saga_id,
    message_id,
    actor,
    reason,
  };
  if (event.type === "OrderDelivered")
    return { ...line, action: "order.deliver", outcome: "delivered", detail: null, at: now };
  const { tracking, corrected } = event;
  // Without the number: the trail is kept forever, and a parcel's number leads to its shopper.
  const detail = tracking === undefined ? "without tracking" : `with ${tracking.carrier}`;
  const outcome = corrected === true ? "corrected" : "shipped";
  return { ...line, action: "order.ship", outcome, detail, at: now };
}
