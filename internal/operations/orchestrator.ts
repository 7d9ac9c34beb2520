// Cancels a saga, or the order of a completed one, or has a saga traced, through the orchestrator's HTTP interface, never by SQL: only the transition table
// moves a saga. Called by `checkoutctl saga cancel`, `saga trace` and `order cancel`.
import {
  type CancelOrderRequest,
  type CancelSaga,
  OrderCancelling,
  SagaApiFault,
  SagaCancelled,
  SagaTraced,
  type TraceSaga,
} from "../../schemas/http.ts";
import { LateCheck } from "../../schemas/late-check.ts";
import { AppError } from "../kernel/errors.ts";
import { authorized, requireAdmitted, type ServiceAt } from "./service-call.ts";

const REQUEST_TIMEOUT_MS = 10_000;

const cancelled = new LateCheck(SagaCancelled);
const cancelling = new LateCheck(OrderCancelling);
const traced = new LateCheck(SagaTraced);
const fault = new LateCheck(SagaApiFault);

export interface CancelAnswer extends SagaCancelled {
  /** False if compensation had already started. */
  readonly cancelled_now: boolean;
}

/**
 * Starts a saga's compensation, or reports that it had already started. Throws MESSAGE_INVALID if the saga does not exist or it
 * is too late, and SERVICE_UNAVAILABLE if the orchestrator does not answer; a repeat is safe then.
 */
export async function cancelSaga(
  orchestrator: ServiceAt,
  sagaId: string,
  request: CancelSaga,
): Promise<CancelAnswer> {
  const { status, answer } = await post(orchestrator, `/sagas/${sagaId}/cancel`, request);
  if (cancelled.Check(answer)) return { ...answer, cancelled_now: status === 202 };
  throw refusalOf(status, answer, orchestrator.url, sagaId);
}

export interface OrderCancelAnswer extends OrderCancelling {
  /** False if the order was being cancelled, or cancelled, before. */
  readonly started_now: boolean;
}

/** Starts the cancellation of a completed checkout's order, or reports the one there is; with the errors of `cancelSaga`. */
export async function cancelOrder(
  orchestrator: ServiceAt,
  sagaId: string,
  request: CancelOrderRequest,
): Promise<OrderCancelAnswer> {
  const { status, answer } = await post(orchestrator, `/sagas/${sagaId}/cancel-order`, request);
  if (cancelling.Check(answer)) return { ...answer, started_now: status === 202 };
  throw refusalOf(status, answer, orchestrator.url, sagaId);
}

export interface TraceAnswer extends SagaTraced {
  /** False if the saga was traced before. */
  readonly started_now: boolean;
}

/** Traces a saga from now on, or reports its trace; with the errors of `cancelSaga`, and MESSAGE_INVALID while tracing is off. */
export async function traceSaga(
  orchestrator: ServiceAt,
  sagaId: string,
  request: TraceSaga,
): Promise<TraceAnswer> {
  const { status, answer } = await post(orchestrator, `/sagas/${sagaId}/trace`, request);
  if (traced.Check(answer)) return { ...answer, started_now: status === 202 };
  throw refusalOf(status, answer, orchestrator.url, sagaId);
}

async function post(
  orchestrator: ServiceAt,
  path: string,
  request: CancelSaga | CancelOrderRequest | TraceSaga,
): Promise<{ readonly status: number; readonly answer: unknown }> {
  try {
    const response = await fetch(new URL(path, orchestrator.url), {
      method: "POST",
      body: JSON.stringify(request),
      headers: { "content-type": "application/json", ...authorized(orchestrator) },
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    });
    return { status: response.status, answer: await response.json() };
  } catch (error) {
    throw unreachable(orchestrator.url, error);
  }
}

function unreachable(orchestratorUrl: string, cause?: unknown): AppError {
  return new AppError(
    "SERVICE_UNAVAILABLE",
    `the orchestrator does not answer at ${orchestratorUrl}: start it, or correct ORCHESTRATOR_URL`,
    { cause },
  );
}

function refusalOf(status: number, answer: unknown, orchestratorUrl: string, sagaId: string): AppError {
  if (!fault.Check(answer)) return unreachable(orchestratorUrl);
  const { error, detail = "" } = answer;
  requireAdmitted("orchestrator", status, detail);
  switch (error) {
    case "NO_SUCH_SAGA":
      return new AppError("MESSAGE_INVALID", `there is no saga ${sagaId}`);
    case "TOO_LATE":
      return new AppError("MESSAGE_INVALID", `saga ${sagaId} can no longer be cancelled: ${detail}`);
    case "NOT_COMPLETED":
      return new AppError(
        "MESSAGE_INVALID",
        `${detail}: use \`checkoutctl saga cancel ${sagaId}\` while it is in progress`,
      );
    case "TRACING_OFF":
      return new AppError(
        "MESSAGE_INVALID",
        `tracing is off, ${detail}: set it for all roles, or read \`checkoutctl saga show ${sagaId}\``,
      );
    case "UNAVAILABLE":
      return new AppError("SERVICE_UNAVAILABLE", "the orchestrator cannot reach its database: try again");
    default:
      return new AppError("MESSAGE_INVALID", `the orchestrator rejected it: ${error} ${detail}`.trimEnd());
  }
}
