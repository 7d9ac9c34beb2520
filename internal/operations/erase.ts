// Erases a shopper's personal data: e-mail, postal addresses and what is known of the card, in sagas, orders and the outboxes. Called by `checkoutctl shopper
// erase`. Amounts, items and times stay, so every invariant that the auditor checks still holds.
import type { Sql } from "postgres";
import { DEAD_LETTER_RETENTION_MS, SEGMENT_MS, TOPIC_RETENTION_MS } from "../../schemas/topics.ts";
import { plural } from "../kernel/counted.ts";
import { AppError } from "../kernel/errors.ts";
import { recordActions } from "../messaging/operator-action-store.ts";
import {
  countRetries,
  countWaitingMails,
  eraseCards,
  eraseOrders,
  eraseOutbox,
  eraseSagas,
  sagaIdsOf,
  spansOf,
  unfinishedOf,
} from "./erase-store.ts";
import { oldestHeld } from "./republish-store.ts";

export interface EraseOptions {
  readonly saga: Sql;
  readonly inventory: Sql;
  readonly payment: Sql;
  readonly order: Sql;
  readonly notification: Sql;
  /** UUIDv7. */
  readonly newId: () => string;
  /** Epoch ms. */
  readonly now: number;
  readonly actor: string;
  readonly reason: string;
}

export interface Erased {
  readonly user_id: string;
  /** Checkouts of this shopper, whether or not they had been erased before. */
  readonly checkouts: number;
  /** Rows that this run changed. */
  readonly sagas: number;
  readonly orders: number;
  readonly messages: number;
  /** Epoch ms: when the topics, and when the dead-letter topic, have deleted their last copy. */
  readonly gone_from_topics_at: number;
  readonly gone_from_dead_letters_at: number;
}

/** Safe to repeat: a second run does the rest. Throws MESSAGE_INVALID and changes nothing while work for the shopper is pending. */
export async function eraseShopper(options: EraseOptions, userId: string): Promise<Erased> {
  const { saga, inventory, payment, order, notification, newId, now, actor, reason } = options;
  const sagaIds = await sagaIdsOf(saga, userId);
  const open = await unfinishedOf(saga, userId);
  let retries = 0;
  for (const sql of [saga, inventory, order]) retries += await countRetries(sql, sagaIds);
  const mails = await countWaitingMails(notification, sagaIds);
  if (open.sagas + open.unpublished + retries + mails > 0) {
    throw new AppError(
      "MESSAGE_INVALID",
      `the shopper has ${plural(open.sagas, "checkout")} in progress, ${plural(open.unpublished, "message")} not published yet, ${plural(retries, "command")} waiting for a retry and ${plural(mails, "mail")} waiting; erase the shopper when these are done (\`checkoutctl saga ls --stuck\`)`,
    );
  }
  // The sagas last: if this run is interrupted, the sagas still name the shopper and the next run does the rest.
  const heldSince = await oldestHeld(payment);
  // Without any message in it, there is none to erase.
  const spans = heldSince === null ? [] : await spansOf(saga, userId, heldSince);
  const replies = spans.length === 0 ? 0 : await payment.begin((tx) => eraseCards(tx, spans));
  const orders = await order.begin((tx) => eraseOrders(tx, userId));
  return saga.begin(async (tx) => {
    const messages = replies + (await eraseOutbox(tx, userId));
    const sagas = await eraseSagas(tx, userId);
    const erased = { sagas, orders, messages };
    const id = newId();
    await recordActions(tx, [
      {
        action_id: id,
        run_id: id,
        action: "shopper.erase",
        subject: userId,
        saga_id: null,
        actor,
        reason,
        outcome: "erased",
        detail: JSON.stringify(erased),
        at: now,
      },
    ]);
    return {
      user_id: userId,
      checkouts: sagaIds.length,
      ...erased,
      gone_from_topics_at: now + TOPIC_RETENTION_MS + SEGMENT_MS,
      gone_from_dead_letters_at: now + DEAD_LETTER_RETENTION_MS + SEGMENT_MS,
    };
  });
}
