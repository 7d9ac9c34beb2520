// Cancels a saga through the orchestrator's HTTP interface, never by SQL: only the transition table moves a saga. Called by
// `checkoutctl saga cancel`.
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { CancelSaga, SagaApiFault, SagaCancelled } from "../../schemas/http.ts";
import { AppError } from "../kernel/errors.ts";

const REQUEST_TIMEOUT_MS = 10_000;

const cancelled = TypeCompiler.Compile(SagaCancelled);
const fault = TypeCompiler.Compile(SagaApiFault);

export interface CancelAnswer extends SagaCancelled {
  /** False if compensation had already started. */
  readonly cancelled_now: boolean;
}

/**
 * Starts a saga's compensation, or reports that it had already started. Throws MESSAGE_INVALID if the saga does not exist or it
 * is too late, and SERVICE_UNAVAILABLE if the orchestrator does not answer; a repeat is safe then.
 */
export async function cancelSaga(
  orchestratorUrl: string,
  sagaId: string,
  request: CancelSaga,
): Promise<CancelAnswer> {
  const unreachable = `the orchestrator does not answer at ${orchestratorUrl}: start it, or correct ORCHESTRATOR_URL`;
  let status: number;
  let answer: unknown;
  try {
    const response = await fetch(new URL(`/sagas/${sagaId}/cancel`, orchestratorUrl), {
      method: "POST",
      body: JSON.stringify(request),
      headers: { "content-type": "application/json" },
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    });
    ({ status } = response);
    answer = await response.json();
  } catch (error) {
    throw new AppError("SERVICE_UNAVAILABLE", unreachable, { cause: error });
  }
  if (cancelled.Check(answer)) return { ...answer, cancelled_now: status === 202 };
  if (!fault.Check(answer)) throw new AppError("SERVICE_UNAVAILABLE", unreachable);
  const { error, detail = "" } = answer;
  switch (error) {
    case "NO_SUCH_SAGA":
      throw new AppError("MESSAGE_INVALID", `there is no saga ${sagaId}`);
    case "TOO_LATE":
      throw new AppError("MESSAGE_INVALID", `saga ${sagaId} can no longer be cancelled: ${detail}`);
    case "UNAVAILABLE":
      throw new AppError("SERVICE_UNAVAILABLE", "the orchestrator cannot reach its database: try again");
    default:
      throw new AppError("MESSAGE_INVALID", `the orchestrator rejected it: ${error} ${detail}`.trimEnd());
  }
}
