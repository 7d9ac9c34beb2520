// How a saga starts. Checkouts that arrive together are written together, saga rows and first commands in one transaction, so a
// thousand a second cost a few commits. Called by api.ts; a caller gets its answer once its row is durable.
import type { SagaStarted, StartSaga } from "../../schemas/http.ts";
import { AppError, assert } from "../kernel/errors.ts";
import type { Clock } from "../kernel/ports.ts";
import { CHECKOUTS } from "../kernel/span-attributes.ts";
import { noSpan, noTracer, type Span, type Tracer, withinSpan } from "../kernel/telemetry.ts";
import type { Database } from "../messaging/database.ts";
import { lingerMs } from "../messaging/linger.ts";
import { Groups } from "../messaging/groups.ts";
import { MAX_CUTS_WHEN_LOCKED } from "../messaging/held-rows.ts";
import { bisect } from "../messaging/bisect.ts";
import { envelop } from "../messaging/envelope.ts";
import { eventOf, notifyRelay, rowOf } from "../messaging/outbox.ts";
import type { Admission } from "./admission.ts";
import { findKeyOwners, keyOf, type NewSaga, startSagas } from "./intake-store.ts";
import { withinReadTime } from "./saga-watch.ts";
import { type SagaPolicy, startSaga } from "./saga.ts";

/** At most this many checkouts in one transaction. */
const MAX_GROUP = 500;
/** At most this many checkouts wait for their turn. More are rejected with SERVICE_UNAVAILABLE, which clients retry. */
const MAX_WAITING = 20_000;
/** A shopper waits for this answer, so the linger time of a busy machine is capped here, in milliseconds: it only raises a shorter setting. */
export const LONGEST_LINGER_MS = 3;
/** Groups overlap: while some commit, the next one is sent. At saturation three are no worse than two, and six no better than three. */
const MAX_GROUPS_IN_FLIGHT = 3;
/**
 * A checkout that has waited longer for its turn is rejected unwritten, in milliseconds. Below the timeout of the gateway: after
 * that the gateway has told the shopper to retry, and a checkout written later may no longer be wanted.
 */
const MAX_WAIT_MS = 4_000;

export interface IntakeOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly policy: SagaPolicy;
  /** The shortest time a checkout waits for others, in milliseconds. */
  readonly lingerMs: number;
  /** Called with the number of sagas that a group has started, once they are durable. */
  readonly onStarted: (count: number) => void;
  readonly admission: Pick<Admission, "rejection" | "taken">;
  /** Nothing is traced without it. */
  readonly tracer?: Tracer;
}

/** The client key was used before with another body. */
export class ClientKeyReused extends Error {}

interface Candidate extends NewSaga, Pick<ReturnType<typeof startSaga>, "out" | "history"> {}

interface NotStarted extends Pick<Waiting, "request" | "resolve" | "reject"> {
  /** Why new checkouts are not admitted; null if they are. */
  readonly rejection: string | null;
}

interface Waiting {
  readonly request: StartSaga;
  /** Epoch ms. */
  readonly since: number;
  readonly resolve: (started: SagaStarted) => void;
  readonly reject: (error: unknown) => void;
}

export class Intake implements AsyncDisposable {
  readonly #options: IntakeOptions;
  readonly #groups: Groups<Waiting>;

  constructor(options: IntakeOptions) {
    this.#options = options;
    this.#groups = new Groups({
      maxGroup: MAX_GROUP,
      maxInFlight: MAX_GROUPS_IN_FLIGHT,
      lingerMs: (load) => Math.max(options.lingerMs, Math.min(LONGEST_LINGER_MS, lingerMs(load))),
      serve: (group) => this.#serve(group),
    });
  }

  /**
   * Starts a saga, or finds the one that this client key started before. While new checkouts are rejected, it only does the latter.
   * Rejects with `ClientKeyReused`, with AppError SERVICE_UNAVAILABLE, or with the error of the database. After
   * DATABASE_UNAVAILABLE the saga may or may not exist; the same request sent again gives the same saga either way.
   */
  async start(request: StartSaga): Promise<SagaStarted> {
    if (this.#groups.isClosed) throw new AppError("SERVICE_UNAVAILABLE", "the orchestrator is shutting down");
    if (this.#groups.waiting >= MAX_WAITING)
      throw new AppError("SERVICE_UNAVAILABLE", `${MAX_WAITING} checkouts are waiting already`);
    const { promise, resolve, reject } = Promise.withResolvers<SagaStarted>();
    this.#groups.add({ request, since: this.#options.clock.now(), resolve, reject });
    return promise;
  }

  /** Writes the waiting checkouts and rejects new ones. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#groups[Symbol.asyncDispose]();
  }

  /** Settles every checkout of the group. */
  async #serve(group: readonly Waiting[]): Promise<void> {
    const oldest = this.#options.clock.now() - MAX_WAIT_MS;
    const late = new AppError("SERVICE_UNAVAILABLE", `the checkout got no turn within ${MAX_WAIT_MS} ms`);
    for (const { since, reject } of group) if (since < oldest) reject(late);
    try {
      const failures = await bisect(
        group.filter(({ since }) => since >= oldest),
        {
          apply: (part) => this.#write(part),
          // Bad data of one shopper must not cost the others of the group their checkout.
          isPoison: (error) => ["other", "locked"].includes(this.#options.database.faultOf(error)),
          maxCuts: (error) =>
            this.#options.database.faultOf(error) === "locked" ? MAX_CUTS_WHEN_LOCKED : undefined,
        },
      );
      for (const { item, error } of failures) item.reject(error);
    } catch (error) {
      // This has no effect on checkouts that are already answered.
      for (const { reject } of group) reject(error);
    }
  }

  #write(group: readonly Waiting[]): Promise<void> {
    return withinSpan(this.#span(group), () => this.#writeGroup(group));
  }

  /** Of the transaction. Each saga keeps the trace of its own request; the transaction joins the first of them and links to all. */
  #span(group: readonly Waiting[]): Span {
    const { tracer = noTracer } = this.#options;
    if (!tracer.isOn) return noSpan;
    const links = group.flatMap(({ request }) => request.traceparent ?? []);
    const [first] = links;
    if (first === undefined) return noSpan;
    return tracer.span("saga intake", first, { attributes: { [CHECKOUTS]: group.length }, links });
  }

  /**
   * Writes the group in one transaction and answers it. Throws when that fails, and when keys in use cannot be looked up; what was
   * started is answered by then.
   */
  async #writeGroup(group: readonly Waiting[]): Promise<void> {
    const { clock, newId, policy, onStarted, admission } = this.#options;
    const now = clock.now();
    const candidates = group.map(({ request, resolve, reject }) => {
      const { saga, out, history } = startSaga(newId(), request, now, policy);
      const rejection = admission.rejection(request.provider);
      return { request, resolve, reject, saga, out, history, rejection };
    });
    const admitted = candidates.filter(({ rejection }) => rejection === null);
    const started = admitted.length === 0 ? new Set<string>() : await this.#startSagas(admitted, now);
    if (started.size > 0) {
      admission.taken(started.size);
      onStarted(started.size);
    }
    for (const { saga, resolve } of candidates)
      if (started.has(saga.saga_id)) resolve({ saga_id: saga.saga_id, replayed: false });
    const others = candidates.filter(({ saga }) => !started.has(saga.saga_id));
    if (others.length > 0) await this.#answerOthers(others);
  }

  /** Answers checkouts of which nothing was written: their client key is in use, or they were not admitted. */
  async #answerOthers(others: readonly NotStarted[]): Promise<void> {
    const requests = others.map(({ request }) => request);
    // After the commit, so it sees what another transaction has committed meanwhile.
    const found = await withinReadTime(
      "Idempotency-Keys",
      findKeyOwners(this.#options.database.sql, requests),
    );
    const owners = new Map(found.map((owner) => [keyOf(owner), owner]));
    for (const { request, resolve, reject, rejection } of others) {
      const owner = owners.get(keyOf(request));
      if (owner === undefined && rejection !== null) {
        reject(new AppError("SERVICE_UNAVAILABLE", rejection));
        continue;
      }
      assert(owner !== undefined, "a client key that could not be inserted is in use");
      if (owner.body_hash !== request.body_hash) reject(new ClientKeyReused());
      else resolve({ saga_id: owner.saga_id, replayed: true });
    }
  }

  /** In one transaction of one round trip. Returns the ids of those whose client key is new. */
  #startSagas(sagas: readonly Candidate[], now: number): Promise<ReadonlySet<string>> {
    const { newId, database } = this.#options;
    const events = sagas.flatMap(({ out, request: { traceparent } }) =>
      envelop(out, { newId, now }, traceparent).map(rowOf),
    );
    const lines = sagas.flatMap(({ history, saga: { saga_id } }) =>
      history.map((line) => ({ ...line, saga_id, message_id: null, message_type: "StartSaga" })),
    );
    return database.transaction(async ({ tx, finish, appended }) => {
      const starting = startSagas(tx, sagas, { lines, events, now });
      await finish([starting, ...(appended === null ? [notifyRelay(tx)] : [])]);
      const started = new Set((await starting).map(({ saga_id }) => saga_id));
      appended?.push(...events.filter(({ partition_key }) => started.has(partition_key)).map(eventOf));
      return started;
    });
  }
}
