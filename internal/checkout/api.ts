// The orchestrator's HTTP API: start a saga, ask for its status, cancel it. Internal: its clients are the gateway, which has
// checked who asks, and for cancelling the operator's tool. Bodies are strict all the same, because a wrong one would become
// a wrong saga.
import { type TypeCheck, TypeCompiler } from "@sinclair/typebox/compiler";
import { type Static, type TSchema, Type } from "@sinclair/typebox";
import { Elysia, t } from "elysia";
import { Uuid } from "../../schemas/fields.ts";
import { CancelSaga, type SagaApiFault, type SagaCancelled, StartSaga } from "../../schemas/http.ts";
import { AppError } from "../kernel/errors.ts";
import type { DatabaseFault } from "../messaging/database.ts";
import type { Cancellation } from "./cancel.ts";
import { ClientKeyReused, type Intake } from "./intake.ts";
import type { StatusWatch } from "./status-watch.ts";
import { positionColumns } from "./store.ts";

/** The longest a status call is held open. */
const MAX_WAIT_MS = 60_000;
/** Twice what the gateway takes from a shopper. */
const MAX_BODY_BYTES = 128 * 1_024;

const startSaga = TypeCompiler.Compile(StartSaga);
const cancelSaga = TypeCompiler.Compile(CancelSaga);

export interface OrchestratorApiOptions {
  readonly intake: Intake;
  readonly watch: StatusWatch;
  /** Null where there is no such saga. */
  readonly cancel: (sagaId: string, request: CancelSaga) => Promise<Cancellation | null>;
  /** Of the database behind both. */
  readonly faultOf: (error: unknown) => DatabaseFault;
  /** Called with what was not the caller's fault. */
  readonly onError: (error: unknown) => void;
}

export function orchestratorApi({ intake, watch, cancel, faultOf, onError }: OrchestratorApiOptions) {
  return new Elysia({ serve: { maxRequestBodySize: MAX_BODY_BYTES } })
    .onError(({ error, code }) => {
      if (error instanceof ClientKeyReused) return answer("CLIENT_KEY_REUSED");
      if (error instanceof InvalidRequest) return answer("INVALID_REQUEST", error.message);
      if (code === "VALIDATION") return answer("INVALID_REQUEST");
      if (code === "NOT_FOUND") return answer("INVALID_REQUEST", "there is no such path");
      onError(error);
      const passes = (error instanceof AppError && error.canRetry) || faultOf(error) !== "other";
      return answer(passes ? "UNAVAILABLE" : "INTERNAL");
    })
    .get("/ready", () => "ok")
    .post("/sagas", async ({ request }) => intake.start(await bodyOf(request, startSaga)), { parse: "none" })
    .post(
      "/sagas/:id/cancel",
      async ({ params, request }) => cancelled(await cancel(params.id, await bodyOf(request, cancelSaga))),
      { params: Type.Object({ id: Uuid }), parse: "none" },
    )
    .get(
      "/sagas/:id",
      async ({ params, query, request }) => {
        const { user_id, wait_ms = 0 } = query;
        const wait = { waitMs: wait_ms, signal: request.signal };
        return (await watch.status(params.id, user_id, wait)) ?? answer("NO_SUCH_SAGA");
      },
      {
        params: Type.Object({ id: Uuid }),
        query: Type.Object({
          user_id: Uuid,
          // Elysia's own: the text of a query becomes a number.
          wait_ms: Type.Optional(t.Numeric({ minimum: 0, maximum: MAX_WAIT_MS })),
        }),
      },
    );
}

class InvalidRequest extends Error {}

async function bodyOf<Schema extends TSchema>(
  request: Request,
  check: TypeCheck<Schema>,
): Promise<Static<Schema>> {
  const body: unknown = await request.json().catch((cause: unknown) => {
    throw new InvalidRequest("the body is not JSON", { cause });
  });
  if (check.Check(body)) return body;
  const fault = check.Errors(body).First();
  throw new InvalidRequest(`${fault?.path ?? ""}: ${fault?.message ?? "does not match its schema"}`);
}

function cancelled(cancellation: Cancellation | null): Response {
  if (cancellation === null) return answer("NO_SUCH_SAGA");
  const { outcome, saga } = cancellation;
  const { status, compensation_step, failure_code, failure_message, order_id } = positionColumns(
    saga.position,
  );
  if (failure_code === null || failure_message === null)
    return answer(
      "TOO_LATE",
      `the saga is ${status} with order ${order_id}, and a saga at rest never changes`,
    );
  const view: SagaCancelled = {
    saga_id: saga.saga_id,
    status,
    compensation_step,
    failure_code,
    failure_message,
  };
  return Response.json(view, { status: outcome === "cancelling" ? 202 : 200 });
}

/** The client reads the code; the HTTP status says the same to proxies and people. */
const STATUS_OF: Readonly<Record<SagaApiFault["error"], number>> = {
  CLIENT_KEY_REUSED: 409,
  NO_SUCH_SAGA: 404,
  TOO_LATE: 409,
  INVALID_REQUEST: 422,
  UNAVAILABLE: 503,
  INTERNAL: 500,
};

function answer(error: SagaApiFault["error"], detail?: string): Response {
  const fault: SagaApiFault = { error, ...(detail === undefined ? {} : { detail }) };
  return Response.json(fault, { status: STATUS_OF[error] });
}
