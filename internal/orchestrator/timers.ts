// The timers of the sagas: a saga past its deadline starts to compensate, and an undo without a reply is sent again. One bounded
// batch per run. Any number of replicas may run it, because each claims with SKIP LOCKED. Run by a background loop.
import type { Clock, RunResult } from "../kernel/ports.ts";
import type { Database } from "../messaging/database.ts";
import { append } from "../messaging/outbox.ts";
import { noTracer, type Tracer } from "../kernel/telemetry.ts";
import type { SagaPolicy } from "./saga.ts";
import { SagaBatch, type SagaObserver } from "./saga-batch.ts";
import { sagaSpan } from "./saga-spans.ts";
import { claimOverdueSagas, pullInDeadlines } from "./store.ts";

/** At most this many sagas per run. */
const DEADLINE_BATCH = 500;

export interface DeadlineSweeperOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly policy: SagaPolicy;
  readonly observer: SagaObserver;
  /**
   * The one database that deadlines may act on, null while there is none; without this option any database may. See past-watch.ts.
   */
  readonly compared?: () => string | null;
  readonly limit?: number;
  /** Nothing is traced without it. */
  readonly tracer?: Tracer;
}

/** Moves one batch of overdue sagas and returns their number. */
export async function sweepDeadlines(options: DeadlineSweeperOptions): Promise<RunResult> {
  const { database, clock, newId, policy, observer, limit = DEADLINE_BATCH, tracer = noTracer } = options;
  const compared = options.compared?.();
  if (compared === null) return { processed: 0, hasMore: false };
  const { batch, spans } = await database.transaction(async ({ tx, send, finish, appended }) => {
    const now = clock.now();
    const [, sagas] = await send([
      pullInDeadlines(tx, now, policy.forwardDeadlineMs),
      claimOverdueSagas(tx, now, limit, compared),
    ]);
    const claimed = new SagaBatch(sagas);
    const moved = sagas.map((saga) => ({
      span: sagaSpan(tracer, "saga deadline", saga),
      out: claimed.apply(saga.saga_id, { type: "DeadlinePassed" }, now, policy),
    }));
    const caused = moved.map(({ out, span: { traceparent } }) => ({ out, traceparent }));
    await finish([...claimed.save(tx, now), ...append({ tx, appended }, caused, { newId, now })]);
    return { batch: claimed, spans: moved.map(({ span }) => span) };
  });
  for (const span of spans) span.end();
  batch.notify(observer);
  const processed = spans.length;
  return { processed, hasMore: processed >= limit };
}
