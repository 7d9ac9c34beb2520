// How a saga comes to be: checkouts that arrive together are written together, saga rows and first commands in one
// transaction, so a thousand a second cost a few commits. Called by api.ts; a caller is answered once its row is durable.
import type { SagaStarted, StartSaga } from "../../schemas/http.ts";
import { TOPICS } from "../../schemas/topics.ts";
import { AppError, assert } from "../kernel/errors.ts";
import type { Clock } from "../kernel/ports.ts";
import type { Database } from "../messaging/database.ts";
import { envelop, type Envelope } from "../messaging/envelope.ts";
import { outboxStatements } from "../messaging/outbox.ts";
import { type Decision, type SagaPolicy, startSaga } from "./saga.ts";
import { appendHistory, findByClientKeys, type HistoryLine, insertSagas } from "./store.ts";

/** At most this many checkouts in one transaction. */
const MAX_GROUP = 500;
/** At most this many checkouts wait for their turn; more are refused with SERVICE_UNAVAILABLE, which clients try again. */
const MAX_WAITING = 20_000;
/** Two groups overlap: while one commits, the next one is sent. */
const MAX_GROUPS_IN_FLIGHT = 2;

export interface IntakeOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly policy: SagaPolicy;
  /** How long a checkout waits for company, in milliseconds. */
  readonly gatherMs: number;
}

/** The client key was used before, with another body. */
export class ClientKeyReused extends Error {}

interface Waiting {
  readonly request: StartSaga;
  readonly resolve: (started: SagaStarted) => void;
  readonly reject: (error: unknown) => void;
}

export class Intake implements AsyncDisposable {
  readonly #options: IntakeOptions;
  #waiting: Waiting[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #inFlight = new Set<Promise<void>>();
  #isClosed = false;

  constructor(options: IntakeOptions) {
    this.#options = options;
  }

  /**
   * Starts a saga, or finds the one this client key has started before. Throws `ClientKeyReused`, and AppError
   * SERVICE_UNAVAILABLE or what the database threw; after those the same request may be sent again.
   */
  start(request: StartSaga): Promise<SagaStarted> {
    if (this.#isClosed) throw new AppError("SERVICE_UNAVAILABLE", "the orchestrator is shutting down");
    if (this.#waiting.length >= MAX_WAITING)
      throw new AppError("SERVICE_UNAVAILABLE", `${MAX_WAITING} checkouts are waiting already`);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ request, resolve, reject });
      this.#schedule();
    });
  }

  /** Writes what waits, then refuses more. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    while (this.#waiting.length > 0 || this.#inFlight.size > 0) {
      this.#flush();
      await Promise.all(this.#inFlight);
    }
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#waiting.length === 0 || this.#isClosed) return;
    if (this.#inFlight.size >= MAX_GROUPS_IN_FLIGHT) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#flush();
    }, this.#options.gatherMs);
  }

  #flush(): void {
    while (this.#waiting.length > 0 && this.#inFlight.size < MAX_GROUPS_IN_FLIGHT) {
      const group = this.#waiting.splice(0, MAX_GROUP);
      const flight = this.#write(group).finally(() => {
        this.#inFlight.delete(flight);
        this.#schedule();
      });
      this.#inFlight.add(flight);
    }
  }

  async #write(group: readonly Waiting[]): Promise<void> {
    const { clock, newId, policy } = this.#options;
    const now = clock.now();
    const started = group.map(({ request }) => ({
      request,
      decision: startSaga(newId(), request, now, policy),
    }));
    let owners: Map<string, { readonly saga_id: string; readonly body_hash: string }>;
    let mine: ReadonlySet<string>;
    try {
      ({ owners, mine } = await this.#commit(started, now));
    } catch (error) {
      for (const { reject } of group) reject(error);
      return;
    }
    group.forEach(({ request, resolve, reject }, index) => {
      const owner = owners.get(keyOf(request));
      const own = started[index]?.decision.saga.saga_id;
      if (owner === undefined)
        reject(new AppError("DATABASE_CONFLICT", "the saga vanished while it was written"));
      else if (owner.body_hash !== request.body_hash) reject(new ClientKeyReused());
      else resolve({ saga_id: owner.saga_id, replayed: owner.saga_id !== own || !mine.has(owner.saga_id) });
    });
  }

  #commit(started: readonly { readonly request: StartSaga; readonly decision: Decision }[], now: number) {
    const { database, newId } = this.#options;
    return database.transaction(async ({ tx, send, finish }) => {
      const sagas = started.map(({ request, decision }) => ({ request, saga: decision.saga }));
      // The second statement sees what the first one inserted, and what was there before.
      const [inserted, found] = await send([
        insertSagas(tx, sagas),
        findByClientKeys(
          tx,
          sagas.map(({ request }) => request),
        ),
      ]);
      const mine: ReadonlySet<string> = new Set(inserted);
      const history: HistoryLine[] = [];
      const envelopes: Envelope[] = [];
      for (const { request, decision } of started) {
        const { saga_id } = decision.saga;
        if (!mine.has(saga_id)) continue;
        for (const line of decision.history)
          history.push({ ...line, saga_id, message_id: null, message_type: "StartSaga" });
        const { traceparent } = request;
        envelopes.push(...envelop(decision.out, { eventTopic: TOPICS.orderEvents, newId, now, traceparent }));
      }
      const writes = history.length === 0 ? [] : [appendHistory(tx, history, now)];
      await finish([...writes, ...outboxStatements(tx, envelopes)]);
      const owners = new Map(found.map((row) => [keyOf(row), row]));
      assert(owners.size > 0, "every request of the group belongs to a saga");
      return { owners, mine };
    });
  }
}

function keyOf({ user_id, client_key }: { readonly user_id: string; readonly client_key: string }): string {
  return `${user_id} ${client_key}`;
}
