// All message schemas by type, each with its topic and one compiled validator. Used wherever a message is decoded, and by the
// snapshot test.
import { type TypeCheck, TypeCompiler } from "@sinclair/typebox/compiler";
import type { TSchema } from "@sinclair/typebox";
import * as commands from "./commands.ts";
import * as events from "./events.ts";
import { SendNotification } from "./notification.ts";
import { TOPICS, type Topic } from "./topics.ts";

export type Message = commands.Command | events.Event | SendNotification;
export type MessageType = Message["type"];
export type MessageOf<T extends MessageType> = Extract<Message, { type: T }>;

/** `own`: the topic of the sending service's events. */
export const MESSAGES: Record<MessageType, { readonly schema: TSchema; readonly topic: Topic | "own" }> = {
  ReserveInventory: { schema: commands.ReserveInventory, topic: TOPICS.commands },
  ExtendReservation: { schema: commands.ExtendReservation, topic: TOPICS.commands },
  ConfirmReservation: { schema: commands.ConfirmReservation, topic: TOPICS.commands },
  ReleaseInventory: { schema: commands.ReleaseInventory, topic: TOPICS.commands },
  ChargePayment: { schema: commands.ChargePayment, topic: TOPICS.commands },
  AuthorizePayment: { schema: commands.AuthorizePayment, topic: TOPICS.commands },
  CapturePayment: { schema: commands.CapturePayment, topic: TOPICS.commands },
  CancelPayment: { schema: commands.CancelPayment, topic: TOPICS.commands },
  RefundPayment: { schema: commands.RefundPayment, topic: TOPICS.commands },
  CreateOrder: { schema: commands.CreateOrder, topic: TOPICS.commands },
  CancelOrder: { schema: commands.CancelOrder, topic: TOPICS.commands },
  InventoryReserved: { schema: events.InventoryReserved, topic: TOPICS.inventoryEvents },
  InsufficientStock: { schema: events.InsufficientStock, topic: TOPICS.inventoryEvents },
  InventoryReleased: { schema: events.InventoryReleased, topic: TOPICS.inventoryEvents },
  ReservationExtended: { schema: events.ReservationExtended, topic: TOPICS.inventoryEvents },
  ReservationConfirmed: { schema: events.ReservationConfirmed, topic: TOPICS.inventoryEvents },
  ReservationLost: { schema: events.ReservationLost, topic: TOPICS.inventoryEvents },
  ReservationExpired: { schema: events.ReservationExpired, topic: TOPICS.inventoryEvents },
  PaymentAuthorized: { schema: events.PaymentAuthorized, topic: TOPICS.paymentEvents },
  PaymentSucceeded: { schema: events.PaymentSucceeded, topic: TOPICS.paymentEvents },
  PaymentActionRequired: { schema: events.PaymentActionRequired, topic: TOPICS.paymentEvents },
  PaymentFailed: { schema: events.PaymentFailed, topic: TOPICS.paymentEvents },
  PaymentCancelled: { schema: events.PaymentCancelled, topic: TOPICS.paymentEvents },
  RefundCompleted: { schema: events.RefundCompleted, topic: TOPICS.paymentEvents },
  OrderCreated: { schema: events.OrderCreated, topic: TOPICS.orderEvents },
  OrderFailed: { schema: events.OrderFailed, topic: TOPICS.orderEvents },
  OrderCancelled: { schema: events.OrderCancelled, topic: TOPICS.orderEvents },
  OrderCancelRefused: { schema: events.OrderCancelRefused, topic: TOPICS.orderEvents },
  OrderShipped: { schema: events.OrderShipped, topic: TOPICS.orderEvents },
  OrderDelivered: { schema: events.OrderDelivered, topic: TOPICS.orderEvents },
  CommandRefused: { schema: events.CommandRefused, topic: "own" },
  CommandDeadLettered: { schema: events.CommandDeadLettered, topic: "own" },
  SendNotification: { schema: SendNotification, topic: TOPICS.notifications },
};

const BY_NAME = new Map(Object.entries(MESSAGES));
const validators = new Map<string, TypeCheck<TSchema>>();

/** The validator of a message type, compiled at first use; undefined for an unknown type. */
export function validatorOf(type: string): TypeCheck<TSchema> | undefined {
  const found = validators.get(type);
  if (found !== undefined) return found;
  const definition = BY_NAME.get(type);
  if (definition === undefined) return undefined;
  const compiled = TypeCompiler.Compile(definition.schema);
  validators.set(type, compiled);
  return compiled;
}
