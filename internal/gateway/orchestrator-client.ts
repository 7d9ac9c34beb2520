// The gateway's client of the orchestrator's HTTP API. Only an answer in the orchestrator's format counts: a proxy's 404 must not
// tell a shopper that the saga does not exist.
import type { Static, TSchema } from "@sinclair/typebox";
import { type TypeCheck, TypeCompiler } from "@sinclair/typebox/compiler";
import { SagaApiFault, SagaStarted, SagaStatusView, type StartSaga } from "../../schemas/http.ts";
import { AppError } from "../kernel/errors.ts";
import { ProblemError } from "./problem.ts";

/** A checkout is answered in milliseconds; a longer time means a fault in the orchestrator or its database. */
const START_TIMEOUT_MS = 5_000;
/** Added to the time that the shopper asked to wait. */
const STATUS_TIMEOUT_MS = 5_000;
/** Maximum length of an unexpected answer in the log. */
const MAX_QUOTED_LENGTH = 200;

const sagaStarted = TypeCompiler.Compile(SagaStarted);
const statusView = TypeCompiler.Compile(SagaStatusView);
const fault = TypeCompiler.Compile(SagaApiFault);

export interface OrchestratorClientOptions {
  readonly url: string;
  /** Override the limits above, for tests. Milliseconds. */
  readonly timeouts?: { readonly startMs?: number; readonly statusMs?: number };
}

export class OrchestratorClient implements Disposable {
  readonly #baseUrl: string;
  readonly #startTimeoutMs: number;
  readonly #statusTimeoutMs: number;
  /** Open status calls. */
  readonly #waits = new Set<AbortController>();

  constructor({ url, timeouts = {} }: OrchestratorClientOptions) {
    this.#baseUrl = url.replace(/\/$/, "");
    this.#startTimeoutMs = timeouts.startMs ?? START_TIMEOUT_MS;
    this.#statusTimeoutMs = timeouts.statusMs ?? STATUS_TIMEOUT_MS;
  }

  /**
   * Starts a saga, or finds the one that this client key started before. Throws the problem `idempotency-key-reused`, or
   * SERVICE_UNAVAILABLE if the saga may or may not be stored; a retry with the same Idempotency-Key is safe.
   */
  async startSaga(request: StartSaga): Promise<SagaStarted> {
    const answer = await this.#call("/sagas", sagaStarted, AbortSignal.timeout(this.#startTimeoutMs), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(request),
    });
    if (!("error" in answer)) return answer;
    if (answer.error === "CLIENT_KEY_REUSED") throw new ProblemError("idempotency-key-reused");
    return refused(answer);
  }

  /**
   * The saga's status, null if the user has no such saga. Waits up to `waitMs` for it to finish. Throws SERVICE_UNAVAILABLE when
   * `signal` aborts or this client is disposed.
   */
  async status(
    sagaId: string,
    userId: string,
    { waitMs, signal }: { readonly waitMs: number; readonly signal: AbortSignal },
  ): Promise<SagaStatusView | null> {
    const path = `/sagas/${sagaId}?user_id=${userId}&wait_ms=${waitMs}`;
    // Not AbortSignal.any: all three sources must release the call when it ends.
    const wait = new AbortController();
    const abort = () => wait.abort();
    const timer = setTimeout(abort, this.#statusTimeoutMs + waitMs);
    signal.addEventListener("abort", abort);
    this.#waits.add(wait);
    try {
      const answer = await this.#call(path, statusView, wait.signal);
      if (!("error" in answer)) return answer;
      return answer.error === "NO_SUCH_SAGA" ? null : refused(answer);
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", abort);
      this.#waits.delete(wait);
    }
  }

  /** Throws while the orchestrator is unreachable; for /readyz. */
  async ready(): Promise<void> {
    const response = await this.#fetch("/ready", { signal: AbortSignal.timeout(this.#statusTimeoutMs) });
    await response.body?.cancel();
    if (!response.ok) throw this.#strange(response, "");
  }

  /** Aborts open status calls; their clients get a 503 and retry. */
  [Symbol.dispose](): void {
    for (const wait of this.#waits) wait.abort();
  }

  async #call<Schema extends TSchema>(
    path: string,
    expected: TypeCheck<Schema>,
    signal: AbortSignal,
    init: RequestInit = {},
  ): Promise<Static<Schema> | SagaApiFault> {
    const response = await this.#fetch(path, { ...init, signal });
    const text = await response.text().catch((cause: unknown) => {
      throw this.#silent(cause);
    });
    const body = parsed(text);
    if (response.ok && expected.Check(body)) return body;
    if (!response.ok && fault.Check(body)) return body;
    throw this.#strange(response, text);
  }

  async #fetch(path: string, init: RequestInit): Promise<Response> {
    try {
      return await fetch(this.#baseUrl + path, { ...init, redirect: "error" });
    } catch (cause) {
      throw this.#silent(cause);
    }
  }

  #silent(cause: unknown): AppError {
    return new AppError("SERVICE_UNAVAILABLE", `the orchestrator at ${this.#baseUrl} does not answer`, {
      cause,
    });
  }

  #strange({ status }: Response, text: string): AppError {
    const quoted = JSON.stringify(text.slice(0, MAX_QUOTED_LENGTH));
    return new AppError(
      "SERVICE_UNAVAILABLE",
      `${this.#baseUrl} does not answer like an orchestrator: ${status} ${quoted}`,
    );
  }
}

/** Undefined if the text is not JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Not the shopper's fault: the orchestrator is unavailable, or gateway and orchestrator disagree on the contract. */
function refused({ error, detail = "" }: SagaApiFault): never {
  const code = error === "UNAVAILABLE" ? "SERVICE_UNAVAILABLE" : "MESSAGE_INVALID";
  throw new AppError(code, `the orchestrator answered ${error} ${detail}`);
}
