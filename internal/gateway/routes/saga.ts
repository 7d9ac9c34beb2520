// GET /api/v1/saga/:id/status: where a checkout is, at once or when it has finished. Composed by app.ts.
import { Type } from "@sinclair/typebox";
import { Uuid } from "../../../schemas/fields.ts";
import { SagaStatusView } from "../../../schemas/http.ts";
import { queryReader } from "../../../schemas/query.ts";
import type { GatewayLimits } from "../limits/hooks.ts";
import type { OrchestratorClient } from "../orchestrator-client.ts";
import { ProblemError } from "../problem.ts";
import { NO_STORE, idOf } from "./reading.ts";
import type { Route, ShopperCall } from "./route.ts";

/** Longest time that a status call is held open. */
const MAX_WAIT_SECONDS = 30;

/** Text, because a number of JSON may also be written `1e1`. */
const StatusQuery = Type.Object({
  wait: Type.Optional(
    Type.String({
      pattern: "^([0-2]?[0-9](\\.[0-9]{1,3})?|30(\\.0{1,3})?)$",
      description: `Seconds to wait for the end of the checkout, 0 to ${MAX_WAIT_SECONDS}, at most three decimals. 0 if absent.`,
    }),
  ),
});
const statusQuery = queryReader(StatusQuery);

export interface SagaOptions {
  readonly orchestrator: Pick<OrchestratorClient, "status">;
  readonly limits?: Pick<GatewayLimits, "seen"> | undefined;
}

export function sagaRoutes(options: SagaOptions): readonly Route[] {
  return [
    {
      method: "GET",
      path: "/api/v1/saga/:id/status",
      operationId: "checkoutStatus",
      tag: "checkout",
      summary: "Where a checkout is",
      access: "shopper",
      params: {
        id: { description: "`saga_id` of the checkout.", schema: Uuid },
      },
      query: StatusQuery,
      answers: {
        200: {
          description: "The checkout.",
          schema: SagaStatusView,
          headers: NO_STORE,
        },
      },
      problems: ["invalid-query", "not-found", "service-unavailable"],
      handle: (call) => status(options, call),
    },
  ];
}

async function status(
  { orchestrator, limits }: SagaOptions,
  { params, request, set, userId }: ShopperCall,
): Promise<SagaStatusView> {
  const sagaId = idOf(params["id"]);
  const view = await orchestrator.status(sagaId, userId, {
    waitMs: waitMsOf(request.url),
    signal: request.signal,
  });
  // Another user's saga looks exactly like a missing one.
  if (view === null) throw new ProblemError("not-found");
  limits?.seen(request, view, userId);
  set.headers["cache-control"] = "no-store";
  return view;
}

/** `?wait=SECONDS`, 0 if absent. */
function waitMsOf(url: string): number {
  const read = statusQuery(url);
  if ("query" in read) return Math.round(Number(read.query.wait ?? "0") * 1_000);
  throw new ProblemError("invalid-query", {
    detail: `wait must be a number of seconds from 0 to ${MAX_WAIT_SECONDS} with at most three decimals`,
  });
}
