// The orchestrator's HTTP API: start a saga, ask for its status. Internal: the gateway is its only client, and has checked who
// asks. Bodies are strict all the same, because a wrong one would become a wrong saga.
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { Type } from "@sinclair/typebox";
import { Elysia, t } from "elysia";
import { Uuid } from "../../schemas/fields.ts";
import { type SagaApiFault, StartSaga } from "../../schemas/http.ts";
import { AppError } from "../kernel/errors.ts";
import type { DatabaseFault } from "../messaging/database.ts";
import { ClientKeyReused, type Intake } from "./intake.ts";
import type { StatusWatch } from "./status-watch.ts";

/** The longest a status call is held open. */
const MAX_WAIT_MS = 60_000;
/** Twice what the gateway takes from a shopper. */
const MAX_BODY_BYTES = 128 * 1_024;

const startSaga = TypeCompiler.Compile(StartSaga);

export interface OrchestratorApiOptions {
  readonly intake: Intake;
  readonly watch: StatusWatch;
  /** Of the database behind both. */
  readonly faultOf: (error: unknown) => DatabaseFault;
  /** Called with what was not the caller's fault. */
  readonly onError: (error: unknown) => void;
}

export function orchestratorApi({ intake, watch, faultOf, onError }: OrchestratorApiOptions) {
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
    .post("/sagas", async ({ request }) => intake.start(await bodyOf(request)), { parse: "none" })
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

async function bodyOf(request: Request): Promise<StartSaga> {
  const body: unknown = await request.json().catch((cause: unknown) => {
    throw new InvalidRequest("the body is not JSON", { cause });
  });
  if (startSaga.Check(body)) return body;
  const fault = startSaga.Errors(body).First();
  throw new InvalidRequest(`${fault?.path ?? ""}: ${fault?.message ?? "does not match its schema"}`);
}

/** The client reads the code; the HTTP status says the same to proxies and people. */
const STATUS_OF: Readonly<Record<SagaApiFault["error"], number>> = {
  CLIENT_KEY_REUSED: 409,
  NO_SUCH_SAGA: 404,
  INVALID_REQUEST: 422,
  UNAVAILABLE: 503,
  INTERNAL: 500,
};

function answer(error: SagaApiFault["error"], detail?: string): Response {
  const fault: SagaApiFault = { error, ...(detail === undefined ? {} : { detail }) };
  return Response.json(fault, { status: STATUS_OF[error] });
}
