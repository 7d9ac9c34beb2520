// Finds the saga of a client key without starting one. The gateway asks when a limit is full: a retry of a checkout that exists must
// get its 202, whatever the limits say. Lookups that arrive together share one statement, so a flood of refused checkouts costs the
// saga database little. Called by api.ts.
import type { Sql } from "postgres";
import type { FindSaga, SagaStarted } from "../../schemas/http.ts";
import { AppError } from "../kernel/errors.ts";
import { Groups } from "../messaging/groups.ts";
import { findKeyOwners, keyOf } from "./intake-store.ts";
import { ClientKeyReused } from "./intake.ts";
import { withinReadTime } from "./saga-watch.ts";

const MAX_GROUP = 500;
/** At most this many lookups wait for their turn. More are rejected with SERVICE_UNAVAILABLE, which clients retry. */
const MAX_WAITING = 5_000;
/** Nobody is kept from buying by this wait: it comes only before a refusal. Milliseconds. */
const LINGER_MS = 5;

interface Asked {
  readonly request: FindSaga;
  readonly resolve: (found: SagaStarted | null) => void;
  readonly reject: (error: unknown) => void;
}

export class KeyLookup implements AsyncDisposable {
  readonly #sql: Sql;
  readonly #groups: Groups<Asked>;

  constructor(sql: Sql) {
    this.#sql = sql;
    this.#groups = new Groups({
      maxGroup: MAX_GROUP,
      maxInFlight: 1,
      lingerMs: () => LINGER_MS,
      serve: (group) => this.#serve(group),
    });
  }

  /**
   * The saga that this client key started; null if there is none. Rejects with `ClientKeyReused` if that was with another body, with
   * AppError SERVICE_UNAVAILABLE, or with the error of the database.
   */
  async find(request: FindSaga): Promise<SagaStarted | null> {
    if (this.#groups.isClosed || this.#groups.waiting >= MAX_WAITING)
      throw new AppError(
        "SERVICE_UNAVAILABLE",
        "too many client keys are looked up at once, or none any more",
      );
    const { promise, resolve, reject } = Promise.withResolvers<SagaStarted | null>();
    this.#groups.add({ request, resolve, reject });
    return promise;
  }

  /** Answers the lookups that wait, and rejects later ones. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#groups[Symbol.asyncDispose]();
  }

  /** Settles every lookup of the group. */
  async #serve(group: readonly Asked[]): Promise<void> {
    try {
      const requests = group.map(({ request }) => request);
      const found = await withinReadTime("Idempotency-Keys", findKeyOwners(this.#sql, requests));
      const owners = new Map(found.map((owner) => [keyOf(owner), owner]));
      for (const { request, resolve, reject } of group) {
        const owner = owners.get(keyOf(request));
        if (owner === undefined) resolve(null);
        else if (owner.body_hash !== request.body_hash) reject(new ClientKeyReused());
        else resolve({ saga_id: owner.saga_id, replayed: true });
      }
    } catch (error) {
      for (const { reject } of group) reject(error);
    }
  }
}
