// Inventory's handler for the message processor: its commands, the rows they touch, and the decision. Wired in cmd/inventory.
import type { MessageType } from "../../../schemas/registry.ts";
import { TOPICS } from "../../../schemas/topics.ts";
import type { Handler, Outgoing } from "../../messaging/handler.ts";
import { decide, type InventoryPolicy } from "./decide.ts";
import { applyDecision, heldRows, type InventoryRows, loadRows, saveRows } from "./store.ts";

const COMMANDS = ["ReserveInventory", "ExtendReservation", "ConfirmReservation", "ReleaseInventory"] as const;
type InventoryCommandType = (typeof COMMANDS)[number];

/** Stock that is not released is lost to everyone, so a release is retried until it succeeds. */
const RETRY_FOREVER: ReadonlySet<MessageType> = new Set<MessageType>(["ReleaseInventory"]);

export interface InventoryHandlerOptions {
  readonly policy: InventoryPolicy;
  /** Called with the events after their transaction has committed. */
  readonly onCommitted: (messages: readonly Outgoing[]) => void;
}

export function inventoryHandler({
  policy,
  onCommitted,
}: InventoryHandlerOptions): Handler<InventoryCommandType, InventoryRows> {
  return {
    service: "inventory",
    topics: [TOPICS.commands],
    types: COMMANDS,
    ownsUnknown: true,
    retryForever: RETRY_FOREVER,
    eventTopic: TOPICS.inventoryEvents,
    // Many carts want the same item, so parts of a batch would wait for each other's locks.
    sharesAcrossSagas: true,

    load(tx, messages) {
      const skus = new Set<string>();
      for (const message of messages) {
        if (message.type === "ReserveInventory") for (const { sku_id } of message.items) skus.add(sku_id);
      }
      return loadRows(tx, { ...sagasOf(messages), skus: [...skus] });
    },

    held(tx, messages) {
      const wants = messages.flatMap((message) =>
        message.type === "ReserveInventory"
          ? message.items.map(({ sku_id }) => ({ saga_id: message.saga_id, sku_id }))
          : [],
      );
      return heldRows(tx, sagasOf(messages), wants);
    },

    decide(rows, message, now) {
      const reservation = rows.reservations.get(message.saga_id) ?? null;
      const decision = decide(reservation, rows.stock, message, now, policy);
      applyDecision(rows, message.saga_id, decision);
      return decision.out;
    },

    save: saveRows,

    committed: ({ out }) => onCommitted(out),
  };
}

function sagasOf(messages: readonly { readonly saga_id: string; readonly type: InventoryCommandType }[]) {
  const sagas = new Set<string>();
  const releasing = new Set<string>();
  for (const { saga_id, type } of messages) {
    sagas.add(saga_id);
    if (type === "ReleaseInventory") releasing.add(saga_id);
  }
  return { sagas: [...sagas], releasing: [...releasing] };
}
