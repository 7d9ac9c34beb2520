// A payment database that was restored from a backup has forgotten what it has asked the provider for since. Every charge that a
// saga has asked for and that is not settled here is written down as asked, with an unknown outcome. So the executor finds
// out: by the same key, which the provider answers as before, or, where the saga is compensating, by look-ups alone.
// Without this a charge and its undo, said again, would be called off as never tried. Called by `checkoutctl payments rebuild`.
import type { Sql } from "postgres";
import { recordActions } from "../messaging/operator-action-store.ts";
import { askedCharges, doubtLostCharges, doubtUnaskedCharges } from "./payment-rebuild-store.ts";

const BATCH = 1_000;
const BEFORE_ALL = "00000000-0000-0000-0000-000000000000";

export interface PaymentRebuildOptions {
  readonly payment: Sql;
  /** Knows what was asked for, and keeps the audit trail. */
  readonly saga: Sql;
  /** The provider's name as payments keep it. */
  readonly provider: string;
  /** Epoch ms: from then on. */
  readonly since: number;
  /** UUIDv7. */
  readonly newId: () => string;
  /** Epoch ms. */
  readonly now: number;
  readonly actor: string;
  readonly reason: string;
}

export interface PaymentRebuildReport {
  readonly run_id: string;
  /** Charges that were asked for. */
  readonly asked: number;
  /** Of which nothing was known. */
  readonly lost: number;
  /** Which were known as open. */
  readonly open: number;
}

/** Doing it again does nothing more but ask about what is open still. */
export async function rebuildPayments(options: PaymentRebuildOptions): Promise<PaymentRebuildReport> {
  const { payment, saga, provider, since, newId, now, actor, reason } = options;
  const run_id = newId();
  const counts = { asked: 0, lost: 0, open: 0 };
  for (let after = BEFORE_ALL; ;) {
    const charges = await askedCharges(saga, since, after, BATCH);
    const last = charges.at(-1);
    if (last === undefined) break;
    after = last.payment_id;
    const { lost, open } = await payment.begin(async (tx) => {
      const made = new Set(await doubtLostCharges(tx, charges, provider, now));
      const known = charges.filter(({ saga_id }) => !made.has(saga_id));
      return { lost: made.size, open: await doubtUnaskedCharges(tx, known, now) };
    });
    counts.asked += charges.length;
    counts.lost += lost;
    counts.open += open;
  }
  const detail = `${counts.lost} lost and ${counts.open} open of ${counts.asked} charges`;
  await recordActions(saga, [
    {
      action_id: newId(),
      run_id,
      action: "payments.rebuild",
      subject: "payment",
      saga_id: null,
      actor,
      reason,
      outcome: "rebuilt",
      detail,
      at: now,
    },
  ]);
  return { run_id, ...counts };
}
