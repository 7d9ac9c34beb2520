// The saga's own initiative: a saga past its deadline turns round, an undo without an answer is sent again. One bounded batch
// per run; any number of replicas may run it, because each claims with SKIP LOCKED. Ticked by a background loop.
import { TOPICS } from "../../schemas/topics.ts";
import type { Clock } from "../kernel/ports.ts";
import type { Database } from "../messaging/database.ts";
import { envelop } from "../messaging/envelope.ts";
import { outboxStatements } from "../messaging/outbox.ts";
import { type ObserveDecision, SagaBatch } from "./handler.ts";
import type { SagaPolicy } from "./saga.ts";
import type { Saga } from "./state.ts";
import { claimOverdueSagas } from "./store.ts";

/** At most this many sagas per run. */
export const DEADLINE_BATCH = 500;

export interface DeadlineSweeperOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly policy: SagaPolicy;
  readonly observe: ObserveDecision;
  readonly onChanged: (sagas: readonly Saga[]) => void;
}

/** Moves one batch of overdue sagas and returns how many there were. */
export async function sweepDeadlines(
  options: DeadlineSweeperOptions,
): Promise<{ readonly processed: number }> {
  const { database, clock, newId, policy, observe, onChanged } = options;
  const now = clock.now();
  const input = { type: "DeadlinePassed" } as const;
  const changed = await database.transaction(async ({ tx, send, finish }) => {
    const [sagas] = await send([claimOverdueSagas(tx, now, DEADLINE_BATCH)]);
    const batch = new SagaBatch(sagas);
    const out = sagas.flatMap(({ saga_id }) => {
      const decision = batch.apply(saga_id, input, now, policy);
      if (decision === null) return [];
      observe(input, decision);
      return decision.out;
    });
    const envelopes = envelop(out, { eventTopic: TOPICS.orderEvents, newId, now });
    await finish([...batch.save(tx, now), ...outboxStatements(tx, envelopes)]);
    return batch.changed.map(({ after }) => after);
  });
  onChanged(changed);
  return { processed: changed.length };
}
