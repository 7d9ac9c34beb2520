// Rebuilds payments after a restore from a backup, which lost the provider requests made since. Every requested charge that is
// not settled here gets the state "requested, result unknown". The executor then finds the result: with the same key, to which
// the provider repeats its reply, or only by look-ups if the saga is compensating. Without this, a repeated charge and its undo
// would be cancelled as never attempted. Money that is held is taken or released again, as its saga wants: the provider does each once and
// tells what it did before. Called by `checkoutctl payments rebuild`.
import type { Sql } from "postgres";
import { recordActions } from "../messaging/operator-action-store.ts";
import { keysetPages } from "./keyset-pages.ts";
import {
  askedCharges,
  doubtHolds,
  doubtLostCharges,
  doubtUnaskedCharges,
  endsOfHolds,
  heldSagas,
} from "./payment-rebuild-store.ts";

const BATCH = 1_000;

export interface PaymentRebuildOptions {
  readonly payment: Sql;
  /** Has the requested charges and the audit trail. */
  readonly saga: Sql;
  /** The provider's name as stored in payments, for requests that name none. */
  readonly provider: string;
  /** Epoch ms. Rebuilds charges requested since then. */
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
  /** Requested charges. */
  readonly asked: number;
  /** Charges without a payment here. */
  readonly lost: number;
  /** Charges with an open payment here. */
  readonly open: number;
  /** Payments whose held money is taken or released again. */
  readonly held: number;
}

/** Safe to repeat: a second run only marks the still open charges for a look-up again. */
export async function rebuildPayments(options: PaymentRebuildOptions): Promise<PaymentRebuildReport> {
  const { payment, saga, provider, since, newId, now, actor, reason } = options;
  const run_id = newId();
  const counts = { asked: 0, lost: 0, open: 0, held: 0 };
  const asked = (after: string) => askedCharges(saga, provider, since, after, BATCH);
  for await (const charges of keysetPages(asked, ({ payment_id }) => payment_id, BATCH)) {
    const { lost, open } = await payment.begin(async (tx) => {
      const made = new Set(await doubtLostCharges(tx, charges, now));
      const known = charges.filter(({ saga_id }) => !made.has(saga_id));
      return { lost: made.size, open: await doubtUnaskedCharges(tx, known, now) };
    });
    counts.asked += charges.length;
    counts.lost += lost;
    counts.open += open;
  }
  const holds = (after: string) => heldSagas(payment, after, BATCH);
  for await (const sagas of keysetPages(holds, ({ saga_id }) => saga_id, BATCH)) {
    const ends = await endsOfHolds(
      saga,
      sagas.map(({ saga_id }) => saga_id),
    );
    if (ends.length > 0) counts.held += await payment.begin((tx) => doubtHolds(tx, ends, now));
  }
  const detail = `${counts.lost} lost and ${counts.open} open of ${counts.asked} charges, ${counts.held} holds`;
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
