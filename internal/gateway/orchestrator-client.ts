// The gateway's one call into the system: the orchestrator's HTTP API. Keeps connections alive; knows which answers mean what.
import { AppError } from "../kernel/errors.ts";
import type { SagaStarted, SagaStatusView, StartSaga } from "../../schemas/http.ts";
import { ProblemError } from "./problem.ts";

/** A checkout is answered in milliseconds; longer means that the orchestrator or its database is in trouble. */
const START_TIMEOUT_MS = 5_000;
/** On top of the time the shopper asked the status call to wait. */
const STATUS_TIMEOUT_MS = 5_000;

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
    if (response.status === 409) throw new ProblemError("idempotency-key-reused");
    return (await this.#read(response)) as SagaStarted;
  }

  /** The saga's status, null where the user has no such saga. Waits up to `waitMs` for it to come to rest. */
  async status(sagaId: string, userId: string, waitMs: number): Promise<SagaStatusView | null> {
    const path = `/sagas/${sagaId}?user_id=${userId}&wait_ms=${waitMs}`;
    const response = await this.#fetch(path, STATUS_TIMEOUT_MS + waitMs);
    if (response.status === 404) return null;
    return (await this.#read(response)) as SagaStatusView;
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

  async #read(response: Response): Promise<unknown> {
    if (response.ok) return response.json();
    const text = await response.text();
    throw new AppError(
      "SERVICE_UNAVAILABLE",
      `the orchestrator answered ${response.status}: ${text.slice(0, 200)}`,
    );
  }
}
