// The gateway's one call into the system: the orchestrator's HTTP API. Keeps connections alive; knows which answers mean what.
import type { Static, TSchema } from "@sinclair/typebox";
import { TypeCompiler, type TypeCheck } from "@sinclair/typebox/compiler";
import { SagaStarted, SagaStatusView, type StartSaga } from "../../schemas/http.ts";
import { AppError } from "../kernel/errors.ts";
import { ProblemError } from "./problem.ts";

/** A checkout is answered in milliseconds; longer means that the orchestrator or its database is in trouble. */
const START_TIMEOUT_MS = 5_000;
/** On top of the time the shopper asked the status call to wait. */
const STATUS_TIMEOUT_MS = 5_000;

const sagaStarted = TypeCompiler.Compile(SagaStarted);
const statusView = TypeCompiler.Compile(SagaStatusView);

/** The two answers of the orchestrator that are not errors; see internal/checkout/api.ts. */
const CLIENT_KEY_REUSED = 409;
const NO_SUCH_SAGA = 404;

export class OrchestratorClient {
  readonly #baseUrl: string;

  constructor(baseUrl: string) {
    this.#baseUrl = baseUrl.replace(/\/$/, "");
  }

  /** Starts a saga, or finds the one this client key has started before. */
  async startSaga(request: StartSaga): Promise<SagaStarted> {
    const response = await this.#fetch("/sagas", START_TIMEOUT_MS, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(request),
    });
    if (response.status === CLIENT_KEY_REUSED) throw new ProblemError("idempotency-key-reused");
    return this.#read(response, sagaStarted);
  }

  /** The saga's status, null where the user has no such saga. Waits up to `waitMs` for it to come to rest. */
  async status(sagaId: string, userId: string, waitMs: number): Promise<SagaStatusView | null> {
    const path = `/sagas/${sagaId}?user_id=${userId}&wait_ms=${waitMs}`;
    const response = await this.#fetch(path, STATUS_TIMEOUT_MS + waitMs);
    if (response.status === NO_SUCH_SAGA) return null;
    return this.#read(response, statusView);
  }

  /** Throws while the orchestrator cannot be reached; for /readyz. */
  async ready(): Promise<void> {
    const response = await this.#fetch("/ready", STATUS_TIMEOUT_MS);
    await response.body?.cancel();
  }

  async #fetch(path: string, timeoutMs: number, init: RequestInit = {}): Promise<Response> {
    try {
      return await fetch(this.#baseUrl + path, { ...init, signal: AbortSignal.timeout(timeoutMs) });
    } catch (error) {
      // The saga may or may not have been written; the same Idempotency-Key makes the next try safe either way.
      throw new AppError("SERVICE_UNAVAILABLE", `the orchestrator at ${this.#baseUrl} does not answer`, {
        cause: error,
      });
    }
  }

  async #read<Schema extends TSchema>(response: Response, check: TypeCheck<Schema>): Promise<Static<Schema>> {
    if (response.ok) {
      const body: unknown = await response.json();
      if (check.Check(body)) return body;
      throw new AppError("SERVICE_UNAVAILABLE", `${this.#baseUrl} does not answer as an orchestrator does`);
    }
    const text = await response.text();
    throw new AppError(
      "SERVICE_UNAVAILABLE",
      `the orchestrator answered ${response.status}: ${text.slice(0, 200)}`,
    );
  }
}
