// The gateway's client of the orchestrator's HTTP API. Called by the routes of checkouts.
import type { TSchema } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import {
  ActionExtended,
  type CancelOrderRequest,
  type ExtendAction,
  type FindSaga,
  OrderCancelling,
  SagaApiFault,
  OpenSagas,
  SagaStarted,
  SagaStatusView,
  type StartSaga,
} from "../../schemas/http.ts";
import { SagaHistory } from "../../schemas/shop.ts";
import { AppError } from "../kernel/errors.ts";
import { HTTP_METHOD, SERVER_ADDRESS, SERVER_PORT } from "../kernel/span-attributes.ts";
import { noTracer, type SpanAttributes, type Tracer, withinSpan } from "../kernel/telemetry.ts";
import { type Contract, InternalApi, type ServiceAt } from "./internal-api.ts";
import { ProblemError } from "./problem.ts";

/** A checkout is answered in milliseconds; a longer time means a fault in the orchestrator or its database. */
const START_TIMEOUT_MS = 5_000;
/** Added to the time that the shopper asked to wait. */
const STATUS_TIMEOUT_MS = 5_000;

const fault = TypeCompiler.Compile(SagaApiFault);
const start = { body: TypeCompiler.Compile(SagaStarted), fault };
const sagas = { body: TypeCompiler.Compile(OpenSagas), fault };
const extended = { body: TypeCompiler.Compile(ActionExtended), fault };
const cancelling = { body: TypeCompiler.Compile(OrderCancelling), fault };
const status = { body: TypeCompiler.Compile(SagaStatusView), fault };
const history = { body: TypeCompiler.Compile(SagaHistory), fault };

export interface OrchestratorClientOptions extends ServiceAt {
  /** Override the limits above, for tests. Milliseconds. */
  readonly timeouts?: { readonly startMs?: number; readonly statusMs?: number };
  /** Nothing is traced without it. */
  readonly tracer?: Tracer;
}

interface Wait {
  readonly waitMs: number;
  readonly signal: AbortSignal;
}

export class OrchestratorClient implements Disposable {
  readonly #api: InternalApi;
  readonly #startTimeoutMs: number;
  readonly #statusTimeoutMs: number;
  /** Open calls that wait. */
  readonly #waits = new Set<AbortController>();
  #isDisposed = false;
  readonly #tracer: Tracer;
  readonly #server: SpanAttributes;

  constructor({ timeouts = {}, tracer = noTracer, ...at }: OrchestratorClientOptions) {
    this.#tracer = tracer;
    const { hostname, port } = new URL(at.url);
    this.#server = {
      [HTTP_METHOD]: "POST",
      [SERVER_ADDRESS]: hostname,
      ...(port === "" ? {} : { [SERVER_PORT]: Number(port) }),
    };
    this.#api = new InternalApi("orchestrator", at);
    this.#startTimeoutMs = timeouts.startMs ?? START_TIMEOUT_MS;
    this.#statusTimeoutMs = timeouts.statusMs ?? STATUS_TIMEOUT_MS;
  }

  /**
   * Starts a saga, or finds the one that this client key started before. Throws the problem `idempotency-key-reused`, or
   * SERVICE_UNAVAILABLE if the saga may or may not be stored; a retry with the same Idempotency-Key is safe.
   */
  async startSaga(request: StartSaga): Promise<SagaStarted> {
    const { traceparent } = request;
    if (traceparent === undefined || !this.#tracer.isOn) return this.#start(request);
    const span = this.#tracer.span("POST", traceparent, { kind: "client", attributes: this.#server });
    return withinSpan(span, () => this.#start({ ...request, traceparent: span.traceparent ?? traceparent }));
  }

  async #start(request: StartSaga): Promise<SagaStarted> {
    const answer = await this.#post("/sagas", start, request);
    return "body" in answer ? answer.body : notStarted(answer.fault);
  }

  /**
   * The saga that this client key started before; null if there is none. Starts nothing. Throws the problem `idempotency-key-reused`,
   * and SERVICE_UNAVAILABLE.
   */
  async findSaga(request: FindSaga): Promise<SagaStarted | null> {
    const answer = await this.#post("/sagas/find", start, request);
    if ("body" in answer) return answer.body;
    // An orchestrator of an older version knows no such path.
    const isMissing = ["NO_SUCH_SAGA", "INVALID_REQUEST"].includes(answer.fault.error);
    return isMissing ? null : notStarted(answer.fault);
  }

  /**
   * The saga's status, null if the user has no such saga. Waits up to `waitMs` for it to finish. Throws SERVICE_UNAVAILABLE when
   * `signal` aborts or this client is disposed.
   */
  status(sagaId: string, userId: string, wait: Wait): Promise<SagaStatusView | null> {
    const path = `/sagas/${sagaId}?user_id=${userId}&wait_ms=${wait.waitMs}`;
    return this.#waiting(wait, async (signal) => {
      const answer = await this.#api.call(path, status, { signal });
      return "body" in answer ? answer.body : missing(answer.fault);
    });
  }

  /**
   * Gives the shopper more time at the bank; the same answer when asked again. Null if the user has no such saga. Throws the problem
   * `not-extendable`, or SERVICE_UNAVAILABLE; then the time may have been given or not, and asking again is safe.
   */
  async extendAction(sagaId: string, userId: string): Promise<ActionExtended | null> {
    const request: ExtendAction = { user_id: userId };
    const answer = await this.#post(`/sagas/${sagaId}/extend-action`, extended, request);
    if ("body" in answer) return answer.body;
    if (answer.fault.error === "NOT_EXTENDABLE") throw conflict("not-extendable", answer.fault);
    return missing(answer.fault);
  }

  /**
   * Starts the cancellation of the user's order, or finds the one that there is. Null if the user has no such saga with this order. Throws
   * the problem `not-cancellable` while the saga is not completed, or SERVICE_UNAVAILABLE; then it may have started, and asking again is safe.
   */
  async cancelOrder(sagaId: string, orderId: string, userId: string): Promise<OrderCancelling | null> {
    const request: CancelOrderRequest = {
      order_id: orderId,
      // For orchestrators before internal tokens.
      actor: "shopper",
      reason: "cancelled by the shopper",
      user_id: userId,
    };
    const answer = await this.#post(`/sagas/${sagaId}/cancel-order`, cancelling, request);
    if ("body" in answer) return answer.body;
    if (answer.fault.error === "NOT_COMPLETED") throw conflict("not-cancellable", answer.fault);
    return missing(answer.fault);
  }

  /** The user's sagas that have not finished, newest first. Throws SERVICE_UNAVAILABLE. */
  open(userId: string): Promise<readonly SagaStatusView[]> {
    return this.#sagas(userId, "open=1");
  }

  /** Those of 1 to 100 sagas that are the user's, in any order. Throws SERVICE_UNAVAILABLE. */
  some(sagaIds: readonly string[], userId: string): Promise<readonly SagaStatusView[]> {
    return this.#sagas(userId, `saga_ids=${sagaIds.join(",")}`);
  }

  async #sagas(userId: string, which: string): Promise<readonly SagaStatusView[]> {
    const answer = await this.#api.call(`/sagas?user_id=${userId}&${which}`, sagas, {
      signal: AbortSignal.timeout(this.#statusTimeoutMs),
    });
    return "body" in answer ? answer.body.sagas : refused(answer.fault);
  }

  /**
   * What the saga did after the history line `after`, and its status; null if the user has no such saga. Waits up to `waitMs` for
   * something to happen; then `events` may be empty. Throws as `status` does.
   */
  history(
    sagaId: string,
    userId: string,
    { after, ...wait }: Wait & { readonly after: number },
  ): Promise<SagaHistory | null> {
    const path = `/sagas/${sagaId}/history?user_id=${userId}&after=${after}&wait_ms=${wait.waitMs}`;
    return this.#waiting(wait, async (signal) => {
      const answer = await this.#api.call(path, history, { signal });
      return "body" in answer ? answer.body : missing(answer.fault);
    });
  }

  /** Throws while the orchestrator is unreachable; for /readyz. */
  ready(): Promise<void> {
    return this.#api.ping("/ready", this.#statusTimeoutMs);
  }

  /** Aborts open calls that wait, and all that come later; their clients get a 503 and retry. */
  [Symbol.dispose](): void {
    this.#isDisposed = true;
    for (const wait of this.#waits) wait.abort();
  }

  #post<Body extends TSchema>(
    path: string,
    contract: Contract<Body, typeof SagaApiFault>,
    request: StartSaga | FindSaga | ExtendAction | CancelOrderRequest,
  ) {
    return this.#api.call(path, contract, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(request),
      signal: AbortSignal.timeout(this.#startTimeoutMs),
    });
  }

  async #waiting<Result>(
    { waitMs, signal }: Wait,
    call: (signal: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    // Not AbortSignal.any: all three sources must release the call when it ends.
    const wait = new AbortController();
    const abort = () => wait.abort();
    // Its request had arrived before the stop, but its token was still being verified. It would hold the stop up until it is cut off.
    if (this.#isDisposed && waitMs > 0) abort();
    const timer = setTimeout(abort, this.#statusTimeoutMs + waitMs);
    signal.addEventListener("abort", abort);
    this.#waits.add(wait);
    try {
      return await call(wait.signal);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      this.#waits.delete(wait);
    }
  }
}

function notStarted(answer: SagaApiFault): never {
  if (answer.error === "CLIENT_KEY_REUSED") throw new ProblemError("idempotency-key-reused");
  return refused(answer);
}

function missing(answer: SagaApiFault): null {
  return answer.error === "NO_SUCH_SAGA" ? null : refused(answer);
}

/** Not the shopper's fault: the orchestrator is unavailable, or gateway and orchestrator disagree on the contract. */
function refused({ error, detail = "" }: SagaApiFault): never {
  const code = error === "UNAVAILABLE" ? "SERVICE_UNAVAILABLE" : "MESSAGE_INVALID";
  throw new AppError(code, `the orchestrator answered ${error} ${detail}`);
}

function conflict(type: "not-extendable" | "not-cancellable", { detail }: SagaApiFault): ProblemError {
  return new ProblemError(type, detail === undefined ? {} : { detail });
}
