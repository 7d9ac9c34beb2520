// Sends the command of a cancellation without a reply again. One bounded batch per run; any number of replicas may run it, because each
// claims with SKIP LOCKED. It also runs on a restored database: a cancellation only goes forward, and a repeated command does no harm.
// Run by a background loop.
import type { Clock, RunResult } from "../kernel/ports.ts";
import type { Database } from "../messaging/database.ts";
import { append } from "../messaging/outbox.ts";
import { type OrderCancellation, resendCommand } from "./order-cancellation.ts";
import {
  claimOverdueCancellations,
  pullInCancellations,
  saveCancellations,
} from "./order-cancellation-store.ts";
import type { SagaPolicy } from "./saga.ts";

const BATCH = 100;

export interface CancellationSweeperOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly policy: SagaPolicy;
  /** Called once per step that has had no reply for long. */
  readonly onOverdue: (cancellation: OrderCancellation) => void;
}

export async function sweepCancellations(options: CancellationSweeperOptions): Promise<RunResult> {
  const { database, clock, newId, policy, onOverdue } = options;
  const after = await database.transaction(async ({ tx, send, finish, appended }) => {
    const now = clock.now();
    const [, claimed] = await send([
      pullInCancellations(tx, now, policy.resendFirstMs),
      claimOverdueCancellations(tx, now, BATCH),
    ]);
    const decisions = claimed.map((cancellation) => resendCommand(cancellation, now, policy));
    const changed = decisions.map(({ cancellation }) => cancellation);
    const out = decisions.flatMap((decision) => decision.out);
    await finish([
      ...(changed.length === 0 ? [] : [saveCancellations(tx, changed)]),
      ...append({ tx, appended }, [{ out }], { newId, now }),
    ]);
    return changed;
  });
  for (const cancellation of after)
    if (cancellation.resend_count === policy.resendsBeforeOperator) onOverdue(cancellation);
  return { processed: after.length, hasMore: after.length >= BATCH };
}
