// Scenes with messages that fail, come twice, or should not be there.
import type { Event } from "../../../schemas/events.ts";
import type { Command } from "../../../schemas/commands.ts";
import { TOPICS } from "../../../schemas/topics.ts";
import { insertPublished } from "../../messaging/outbox.ts";
import { cancelOrder, chargePayment } from "../../testkit/commands.ts";
import { eventOf } from "../../testkit/events.ts";
import { sendBytes } from "../../testkit/kafka.ts";
import type { Arena } from "./arena.ts";
import { nothingToLift, type Scene } from "./scene.ts";

const DECLINED = "pm_card_visa_chargeDeclined";
const REPUBLISHED_SECONDS = 60;
const WHY = ["--reason", "a drill of the alerts"] as const;

/**
 * As somebody does with a Kafka tool. The outbox of the topic's database gets the message as well, as sent: without it, its service would take
 * its database for one from the past at its next start, as it should.
 */
async function sendByHand(
  arena: Arena,
  topic: typeof TOPICS.commands | typeof TOPICS.orderEvents,
  message: Event | Command,
): Promise<void> {
  const session = arena.session(topic === TOPICS.commands ? "saga" : "order");
  const { message_id: event_id, saga_id: partition_key, type } = message;
  const published_at = new Date().toISOString();
  await insertPublished(session, [{ event_id, topic, partition_key, type, payload: message, published_at }]);
  await session.end();
  const value = Buffer.from(JSON.stringify(message));
  const headers = [["type", Buffer.from(message.type)]] as const;
  await sendBytes(topic, [{ key: message.saga_id, value, headers }], arena.system.kafka());
}

export const POISON: Scene = {
  cause: "bytes that are no message are sent to checkout-commands",
  end: "an operator discards the dead letters",
  alerts: ["DeadLetterOpen"],
  async inject(arena) {
    const poison = [{ value: Buffer.from([0xff, 0x00, 0x7b]) }];
    await sendBytes(TOPICS.commands, poison, arena.system.kafka());
    return async () => void (await arena.operator("dlq", "discard", "--everything", ...WHY));
  },
};

/** As somebody does who has the password of one database, and wants goods without paying. */
export const FORGED_EVENT: Scene = {
  cause: "a PaymentSucceeded is written to the outbox of inventory by hand",
  end: "the row is deleted",
  alerts: ["OutboxEventRefused"],
  async inject(arena) {
    const session = arena.session("inventory");
    const event = eventOf("PaymentSucceeded", Bun.randomUUIDv7());
    await session`
      insert into outbox (event_id, topic, partition_key, payload, headers)
      values (${event.message_id}, ${TOPICS.paymentEvents}, ${event.saga_id}, ${JSON.stringify(event)}::text::jsonb,
              '{"type": "PaymentSucceeded"}')`;
    return async () => {
      await session`delete from outbox where event_id = ${event.message_id}`;
      await session.end();
    };
  },
};

export const IMPOSSIBLE_MESSAGE: Scene = {
  cause: "the reply of an undo is sent by hand, for a completed checkout",
  end: "none: an hour passes (70 s in the drill)",
  alerts: ["SagaGotImpossibleMessage"],
  async inject(arena) {
    const { saga_id } = await arena.buy();
    await sendByHand(arena, TOPICS.orderEvents, eventOf("OrderCancelled", saga_id));
    return nothingToLift;
  },
};

export const SHIPPED_ORDER_CANCELLED: Scene = {
  cause: "a command to cancel a shipped order is sent by hand",
  end: "none: an hour passes (70 s in the drill)",
  alerts: ["OrderCancelImpossible"],
  async inject(arena) {
    const { saga_id, order_id } = await arena.buy();
    await arena.operator("order", "ship", order_id ?? "", ...WHY);
    await sendByHand(arena, TOPICS.commands, cancelOrder(saga_id));
    return nothingToLift;
  },
};

export const UNSEALED: Scene = {
  cause: "a command to charge a payment method that no gateway has sealed is sent by hand",
  end: "none: an hour passes (70 s in the drill)",
  alerts: ["PaymentTokensUnopened"],
  async inject(arena) {
    await sendByHand(arena, TOPICS.commands, chargePayment(Bun.randomUUIDv7(), "pm_card_visa"));
    return nothingToLift;
  },
};

export const SENT_TWICE: Scene = {
  cause: `the orchestrator's events of the last ${REPUBLISHED_SECONDS} s are marked as unpublished, so the relay sends them again`,
  end: "none: half an hour passes (65 s in the drill)",
  alerts: ["ManyDuplicates"],
  async inject(arena) {
    const session = arena.session("saga");
    await session`
      update outbox set published = false, published_at = null
       where published and event_id >= uuid_v7_floor(now() - make_interval(secs => ${REPUBLISHED_SECONDS}))`;
    await session.end();
    return nothingToLift;
  },
};

export const RELEASES_FAIL: Scene = {
  cause: "a trigger made by hand refuses every release of stock, cards are declined",
  end: "the trigger is dropped",
  alerts: ["UndoKeepsFailing", "SagaNeedsOperator", "SagaNeedsOperatorForHours"],
  async inject(arena) {
    const session = arena.session("inventory");
    await session.unsafe(`
      create function drill_refuse() returns trigger language plpgsql as
        $$ begin raise exception 'refused by the drill'; end $$;
      create trigger drill before update on reservations for each row
        when (new.status = 'RELEASED') execute function drill_refuse()`);
    await Promise.all([1, 2, 3].map(() => arena.place(DECLINED)));
    return async () => {
      await session.unsafe("drop trigger drill on reservations; drop function drill_refuse()");
      await session.end();
    };
  },
};
