// After the notification database has lost mails that waited: has the mails of the last hours sent again. Redis knows for a day which ones
// were sent, and those do not go out twice. Called by `checkoutctl repair --database notification`.
import type { Sql } from "postgres";
import { recordActions } from "../messaging/operator-action-store.ts";
import { mailsSince, sendAgain } from "./repair-store.ts";

/** Redis remembers sent mails for a day. */
export const MAIL_SENT_AGAIN_MS = 23 * 60 * 60 * 1_000;

export interface MailsAgain {
  readonly saga: Sql;
  /** Epoch ms. */
  readonly now: number;
  /** UUIDv7. */
  readonly newId: () => string;
  readonly actor: string;
  readonly reason: string;
  /** Only counts. */
  readonly dryRun: boolean;
}

/** Returns their number. */
export async function sendMailsAgain(options: MailsAgain): Promise<number> {
  const { saga, now, newId, actor, reason, dryRun } = options;
  const mails = await mailsSince(saga, now - MAIL_SENT_AGAIN_MS);
  if (dryRun) return mails.length;
  const sent = await sendAgain(saga, mails);
  const act = { action: "database.repair", subject: "notification", saga_id: null } as const;
  const line = { action_id: newId(), run_id: newId(), ...act, actor, reason };
  await recordActions(saga, [{ ...line, outcome: "repaired", detail: `${sent} mails sent again`, at: now }]);
  return sent;
}
