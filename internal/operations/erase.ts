// Erases what identifies a shopper: e-mail and postal addresses in sagas, orders and the outboxes. Called by `checkoutctl shopper
// erase`. Amounts, items and times stay, so every invariant that the auditor checks holds as before.
import type { Sql } from "postgres";
import { DEAD_LETTER_RETENTION_MS, SEGMENT_MS, TOPIC_RETENTION_MS } from "../../schemas/topics.ts";
import { AppError } from "../kernel/errors.ts";
import { recordActions } from "../messaging/operator-action-store.ts";
import {
  countRetries,
  countWaitingMails,
  eraseOrders,
  eraseOutbox,
  eraseSagas,
  sagaIdsOf,
  unfinishedOf,
} from "./erase-store.ts";

export interface EraseOptions {
  readonly saga: Sql;
  readonly inventory: Sql;
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
  /** Rows that lost their personal data now. */
  readonly sagas: number;
  readonly orders: number;
  readonly messages: number;
  /** Epoch ms: when Kafka has dropped its last copy, and when the dead-letter topic has. */
  readonly gone_from_topics_at: number;
  readonly gone_from_dead_letters_at: number;
}

/** Doing it again does what is left. Throws MESSAGE_INVALID, with nothing changed, while something of the shopper is under way. */
export async function eraseShopper(options: EraseOptions, userId: string): Promise<Erased> {
  const { saga, inventory, order, notification, newId, now, actor, reason } = options;
  const sagaIds = await sagaIdsOf(saga, userId);
  const open = await unfinishedOf(saga, userId);
  let retries = 0;
  for (const sql of [saga, inventory, order]) retries += await countRetries(sql, sagaIds);
  const mails = await countWaitingMails(notification, sagaIds);
  if (open.sagas + open.unpublished + retries + mails > 0) {
    throw new AppError(
      "MESSAGE_INVALID",
      `the shopper has ${open.sagas} checkouts under way, ${open.unpublished} messages that Kafka does not have yet, ${retries} commands that are tried again and ${mails} mails that wait; erase them when these are done (\`checkoutctl saga ls --stuck\`)`,
    );
  }
  // The orders first: when this is cut short in between, the sagas still tell whose it was, and the next try does the rest.
  const orders = await order.begin((tx) => eraseOrders(tx, userId));
  return saga.begin(async (tx) => {
    const messages = await eraseOutbox(tx, userId);
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
