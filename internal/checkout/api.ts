// The orchestrator's HTTP API: start a saga, ask for its status. Internal: the gateway is its only client, and has checked who
// asks. Bodies are strict all the same, because a wrong one would become a wrong saga.
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { Type } from "@sinclair/typebox";
import { Elysia } from "elysia";
import { Uuid } from "../../schemas/fields.ts";
import { StartSaga } from "../../schemas/http.ts";
import { AppError } from "../kernel/errors.ts";
import { ClientKeyReused, type Intake } from "./intake.ts";
import type { StatusWatch } from "./status-watch.ts";

/** The longest a status call is held open. */
const MAX_WAIT_MS = 60_000;
const MAX_BODY_BYTES = 128 * 1_024;

const startSaga = TypeCompiler.Compile(StartSaga);
const statusQuery = Type.Object({
  user_id: Uuid,
  wait_ms: Type.Optional(Type.Integer({ minimum: 0, maximum: MAX_WAIT_MS })),
});

export interface OrchestratorApiOptions {
  readonly intake: Intake;
  readonly watch: StatusWatch;
  readonly onError: (error: unknown) => void;
}

export function orchestratorApi({ intake, watch, onError }: OrchestratorApiOptions) {
  return new Elysia({ serve: { maxRequestBodySize: MAX_BODY_BYTES } })
    .onError(({ error, code, set }) => {
      if (error instanceof ClientKeyReused) {
        set.status = 409;
        return { error: "CLIENT_KEY_REUSED" };
      }
      if (code === "NOT_FOUND" || code === "VALIDATION" || code === "PARSE") {
        set.status = code === "NOT_FOUND" ? 404 : 422;
        return { error: code };
      }
      onError(error);
      // Everything else is the database or our own shutdown: the gateway tells the client to come again.
      set.status = 503;
      return { error: error instanceof AppError ? error.code : "UNAVAILABLE" };
    })
    .get("/ready", () => "ok")
    .post(
      "/sagas",
      async ({ request, set }) => {
        const body: unknown = await request.json();
        if (startSaga.Check(body)) return intake.start(body);
        set.status = 422;
        const fault = startSaga.Errors(body).First();
        return { error: "INVALID_BODY", detail: `${fault?.path ?? ""} ${fault?.message ?? ""}` };
      },
      { parse: "none" },
    )
    .get(
      "/sagas/:id",
      async ({ params, query, set }) => {
        const found = await watch.status(params.id, query.wait_ms ?? 0);
        if (found !== null && found.user_id === query.user_id) return found.view;
        set.status = 404;
        return { error: "NOT_FOUND" };
      },
      { params: Type.Object({ id: Uuid }), query: statusQuery },
    );
}
