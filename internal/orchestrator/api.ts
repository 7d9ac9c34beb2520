// The orchestrator's HTTP API: start a saga, find it by its client key, get its status, follow it, give its shopper more time, cancel it,
// or its order when it is completed. Internal: its clients are the gateway, which has authenticated the shopper, and the operator's
// tool, which cancels; each proves itself with a token. Bodies are strict all the same, because a wrong body would become a wrong saga.
import { isIP } from "node:net";
import { type TypeCheck, TypeCompiler } from "@sinclair/typebox/compiler";
import { type Static, type TSchema, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { Elysia } from "elysia";
import { Uuid } from "../../schemas/fields.ts";
import {
  type ActionExtended,
  CancelOrderRequest,
  CancelSaga,
  ExtendAction,
  FindSaga,
  OPERATOR_ADDRESS,
  type OrderCancelling,
  type SagaApiFault,
  type SagaCancelled,
  type OpenSagas,
  type SagaStarted,
  type SagaTraced,
  StartSaga,
  TraceSaga,
} from "../../schemas/http.ts";
import { queryReader, type ReadQuery } from "../../schemas/query.ts";
import { type Access, type Actor, Denied } from "../kernel/actor.ts";
import { AppError, assertNever } from "../kernel/errors.ts";
import { HTTP_METHOD, HTTP_ROUTE, HTTP_STATUS, SAGA_ID } from "../kernel/span-attributes.ts";
import { type Tracer, withinSpan } from "../kernel/telemetry.ts";
import { timestampOf } from "../kernel/timestamp.ts";
import type { DatabaseFault } from "../messaging/database.ts";
import type { ActedBy } from "../messaging/operator-action-store.ts";
import type { NoMoreTime } from "./action.ts";
import type { Cancellation } from "./cancel.ts";
import type { HistoryWatch } from "./history-watch.ts";
import type { CancelOrderResult } from "./cancel-order.ts";
import { ClientKeyReused, type Intake } from "./intake.ts";
import type { KeyLookup } from "./key-lookup.ts";
import type { Extension } from "./more-time.ts";
import type { StatusWatch } from "./status-watch.ts";
import type { TraceResult } from "./trace.ts";
import { statusOf } from "./state.ts";
import { positionColumns } from "./store.ts";

/** The longest time a status call is held open. */
const MAX_WAIT_MS = 60_000;
/** Twice what the gateway accepts from a shopper. */
const MAX_BODY_BYTES = 128 * 1_024;
/** Five pages of the shop's list of orders. */
const MAX_SAGAS_ASKED = 100;

const startSaga = TypeCompiler.Compile(StartSaga);
const findSaga = TypeCompiler.Compile(FindSaga);
const cancelSaga = TypeCompiler.Compile(CancelSaga);
const traceSaga = TypeCompiler.Compile(TraceSaga);
const extendAction = TypeCompiler.Compile(ExtendAction);
const cancelOrder = TypeCompiler.Compile(CancelOrderRequest);
const someSagas = TypeCompiler.Compile(Type.Array(Uuid, { minItems: 1, maxItems: MAX_SAGAS_ASKED }));
const sagasQuery = queryReader(
  Type.Object({
    user_id: Uuid,
    open: Type.Optional(Type.Literal("1")),
    saga_ids: Type.Optional(Type.String({ maxLength: MAX_SAGAS_ASKED * 37 })),
  }),
);
const statusQuery = queryReader(
  Type.Object({
    user_id: Uuid,
    wait_ms: Type.Optional(Type.Integer({ minimum: 0, maximum: MAX_WAIT_MS })),
  }),
);
const historyQuery = queryReader(
  Type.Object({
    user_id: Uuid,
    after: Type.Optional(Type.Integer({ minimum: 0 })),
    wait_ms: Type.Optional(Type.Integer({ minimum: 0, maximum: MAX_WAIT_MS })),
  }),
);

export interface OrchestratorApiOptions {
  readonly access: Access;
  readonly intake: Intake;
  readonly keys: Pick<KeyLookup, "find">;
  readonly watch: StatusWatch;
  readonly history: HistoryWatch;
  /** Null when there is no such saga. */
  readonly cancel: (sagaId: string, request: CancelSaga & ActedBy) => Promise<Cancellation | null>;
  readonly cancelOrder: (sagaId: string, request: CancelOrderRequest & ActedBy) => Promise<CancelOrderResult>;
  /** Null when the user has no such saga. */
  readonly extendAction: (sagaId: string, request: ExtendAction) => Promise<Extension | null>;
  /** Without it tracing is off. */
  readonly trace?: (sagaId: string, request: TraceSaga & ActedBy) => Promise<TraceResult>;
  /** Of the database that intake and watch use. */
  readonly faultOf: (error: unknown) => DatabaseFault;
  /** Called with errors that the caller did not cause. */
  readonly onError: (error: unknown) => void;
  /** Nothing is traced without it. */
  readonly tracer?: Tracer;
}

export function orchestratorApi(options: OrchestratorApiOptions) {
  const { access, keys, cancel, faultOf, onError } = options;
  return new Elysia({ serve: { maxRequestBodySize: MAX_BODY_BYTES } })
    .onError(({ error, code }) => {
      if (error instanceof Denied)
        return answer(error.status === 401 ? "UNAUTHENTICATED" : "FORBIDDEN", error.message);
      if (error instanceof ClientKeyReused) return answer("CLIENT_KEY_REUSED");
      if (error instanceof InvalidRequest) return answer("INVALID_REQUEST", error.message);
      if (code === "NOT_FOUND") return answer("INVALID_REQUEST", "there is no such path");
      onError(error);
      const passes = (error instanceof AppError && error.canRetry) || faultOf(error) !== "other";
      return answer(passes ? "UNAVAILABLE" : "INTERNAL");
    })
    .get("/ready", ({ request, route }) => ready(access, request, route))
    .resolve(async ({ request, route }) => ({ actor: await access.admit(request, route) }))
    .post("/sagas", async ({ request }) => start(options, await bodyOf(request, startSaga)), {
      parse: "none",
    })
    .post(
      "/sagas/find",
      async ({ request }) => (await keys.find(await bodyOf(request, findSaga))) ?? answer("NO_SUCH_SAGA"),
      { parse: "none" },
    )
    .post(
      "/sagas/:id/cancel",
      async ({ actor, params, request }) => {
        const { reason } = await bodyOf(request, cancelSaga);
        return cancelled(await cancel(sagaIdOf(params.id), { ...operatorOf(actor, request), reason }));
      },
      { parse: "none" },
    )
    .post(
      "/sagas/:id/cancel-order",
      async ({ actor, params, request }) => {
        const body = cancelOrderBy(actor, request, await bodyOf(request, cancelOrder));
        return orderCancelling(await options.cancelOrder(sagaIdOf(params.id), body));
      },
      { parse: "none" },
    )
    .post(
      "/sagas/:id/trace",
      async ({ actor, params, request }) => {
        const { reason } = await bodyOf(request, traceSaga);
        const by = { ...operatorOf(actor, request), reason };
        return traced(params.id, await options.trace?.(sagaIdOf(params.id), by));
      },
      { parse: "none" },
    )
    .post(
      "/sagas/:id/extend-action",
      async ({ params, request }) =>
        extended(await options.extendAction(sagaIdOf(params.id), await bodyOf(request, extendAction))),
      { parse: "none" },
    )
    .get("/sagas", ({ request }) => sagasOf(options, request))
    .get("/sagas/:id", ({ params, request }) => statusAt(options, params.id, request))
    .get("/sagas/:id/history", ({ params, request }) => historyAt(options, params.id, request));
}

async function sagasOf({ watch }: OrchestratorApiOptions, { url }: Request): Promise<OpenSagas> {
  const { user_id, open, saga_ids } = queryOf(sagasQuery(url));
  if ((open === undefined) === (saga_ids === undefined))
    throw new InvalidRequest("the query needs open=1 or saga_ids");
  const sagas = saga_ids === undefined ? watch.open(user_id) : watch.some(sagaIdsOf(saga_ids), user_id);
  return { sagas: [...(await sagas)] };
}

async function statusAt({ watch }: OrchestratorApiOptions, id: string, { url, signal }: Request) {
  const sagaId = sagaIdOf(id);
  const { user_id, wait_ms = 0 } = queryOf(statusQuery(url));
  return (await watch.status(sagaId, user_id, { waitMs: wait_ms, signal })) ?? answer("NO_SUCH_SAGA");
}

async function historyAt({ history }: OrchestratorApiOptions, id: string, { url, signal }: Request) {
  const sagaId = sagaIdOf(id);
  const { user_id, after = 0, wait_ms = 0 } = queryOf(historyQuery(url));
  const wait = { waitMs: wait_ms, signal };
  return (await history.history({ sagaId, after }, user_id, wait)) ?? answer("NO_SUCH_SAGA");
}

async function ready(access: Access, request: Request, route: string): Promise<"ok"> {
  if (request.headers.has("authorization")) await access.admit(request, route);
  return "ok";
}

/** The saga keeps the context of this span: its first command continues the request that started it. */
async function start({ intake, tracer }: OrchestratorApiOptions, request: StartSaga): Promise<SagaStarted> {
  const { traceparent } = request;
  if (traceparent === undefined || tracer?.isOn !== true) return intake.start(request);
  const attributes = { [HTTP_METHOD]: "POST", [HTTP_ROUTE]: "/sagas" };
  const span = tracer.span("POST /sagas", traceparent, { kind: "server", attributes });
  return withinSpan(span, async () => {
    const started = await intake.start({ ...request, traceparent: span.traceparent ?? traceparent });
    span.set({ [HTTP_STATUS]: 200, [SAGA_ID]: started.saga_id });
    return started;
  });
}

class InvalidRequest extends Error {}

/** The gateway cancels only for the shopper whose order it is; in the audit trail that is `shopper`. */
function cancelOrderBy(
  actor: Actor,
  request: Request,
  { order_id, reason, user_id }: CancelOrderRequest,
): CancelOrderRequest & ActedBy {
  const { name, role } = actor;
  if (role === "service") {
    if (user_id === undefined)
      throw new Denied("forbidden", `${name} cancels an order only for its shopper: send user_id`);
    return { order_id, reason, user_id, actor: "shopper" };
  }
  if (user_id !== undefined) throw new InvalidRequest("/user_id: only the gateway asks for a shopper");
  return { order_id, reason, ...operatorOf(actor, request) };
}

/** For the audit trail. Nobody but an operator's console says where somebody is. */
function operatorOf({ name, role }: Actor, { headers }: Request): ActedBy {
  const told = headers.get(OPERATOR_ADDRESS) ?? "";
  return { actor: name, address: role === "operator" && isIP(told) !== 0 ? told : null };
}

function sagaIdOf(text: string): string {
  if (Value.Check(Uuid, text)) return text;
  throw new InvalidRequest("the path has no valid saga id");
}

function sagaIdsOf(text: string): readonly string[] {
  const sagaIds = text.split(",");
  if (someSagas.Check(sagaIds)) return sagaIds;
  throw new InvalidRequest(`saga_ids is not a list of 1 to ${MAX_SAGAS_ASKED} saga ids`);
}

function queryOf<Query>(read: ReadQuery<Query>): Query {
  if ("faults" in read) throw new InvalidRequest(faultText(read.faults[0]));
  return read.query;
}

function faultText(fault: { readonly path: string; readonly message: string } | undefined): string {
  return `${fault?.path ?? ""}: ${fault?.message ?? "does not match its schema"}`;
}

async function bodyOf<Schema extends TSchema>(
  request: Request,
  check: TypeCheck<Schema>,
): Promise<Static<Schema>> {
  const body: unknown = await request.json().catch((cause: unknown) => {
    throw new InvalidRequest("the body is not JSON", { cause });
  });
  if (check.Check(body)) return body;
  throw new InvalidRequest(faultText(check.Errors(body).First()));
}

function cancelled(cancellation: Cancellation | null): Response {
  if (cancellation === null) return answer("NO_SUCH_SAGA");
  const { outcome, saga } = cancellation;
  const { status, compensation_step, failure_code, failure_message, order_id } = positionColumns(saga);
  if (failure_code === null || failure_message === null)
    return answer(
      "TOO_LATE",
      `the saga is ${status} with order ${order_id}, and a finished saga never changes; while the order is not sent, \`checkoutctl order cancel ${order_id}\` cancels it`,
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

function orderCancelling(result: CancelOrderResult): Response {
  switch (result.kind) {
    case "unknown":
      return answer("NO_SUCH_SAGA");
    case "not completed":
      return answer("NOT_COMPLETED", `the checkout is ${statusOf(result.saga)}`);
    case "cancelling": {
      const { cancellation_id, saga_id, order_id, status, step, needs_operator } = result.cancellation;
      const view: OrderCancelling = { cancellation_id, saga_id, order_id, status, step, needs_operator };
      return Response.json(view, { status: result.startedNow ? 202 : 200 });
    }
    default:
      return assertNever(result);
  }
}

const NO_MORE_TIME: Readonly<Record<NoMoreTime, string>> = {
  "not waiting": "the checkout does not wait for its shopper",
  over: "the time to confirm the payment is over",
  longest: "the checkout waits as long as it can already",
};

function extended(extension: Extension | null): Response {
  if (extension === null) return answer("NO_SUCH_SAGA");
  if (extension.kind === "refused") return answer("NOT_EXTENDABLE", NO_MORE_TIME[extension.reason]);
  return Response.json({ expires_at: timestampOf(extension.expiresAt) } satisfies ActionExtended);
}

function traced(sagaId: string, result: TraceResult = { kind: "off" }): Response {
  switch (result.kind) {
    case "unknown":
      return answer("NO_SUCH_SAGA");
    case "off":
      return answer("TRACING_OFF", "the orchestrator has no OTLP_URL");
    case "traced": {
      const view: SagaTraced = { saga_id: sagaId, trace_id: result.traceId };
      return Response.json(view, { status: result.startedNow ? 202 : 200 });
    }
    default:
      return assertNever(result);
  }
}

/** The client reads the code; the HTTP status says the same to proxies and people. */
const STATUS_OF: Readonly<Record<SagaApiFault["error"], number>> = {
  CLIENT_KEY_REUSED: 409,
  NO_SUCH_SAGA: 404,
  TOO_LATE: 409,
  NOT_COMPLETED: 409,
  NOT_EXTENDABLE: 409,
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  TRACING_OFF: 409,
  INVALID_REQUEST: 422,
  UNAVAILABLE: 503,
  INTERNAL: 500,
};

function answer(error: SagaApiFault["error"], detail?: string): Response {
  const fault: SagaApiFault = { error, ...(detail === undefined ? {} : { detail }) };
  const headers: Record<string, string> = error === "UNAUTHENTICATED" ? { "www-authenticate": "Bearer" } : {};
  return Response.json(fault, { status: STATUS_OF[error], headers });
}
