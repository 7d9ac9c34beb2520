// The public API. Each route reads: who asks, what they ask, one call inward, the answer. Called by cmd/gateway.
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { Value } from "@sinclair/typebox/value";
import { Elysia } from "elysia";
import { Uuid } from "../../schemas/fields.ts";
import { type CheckoutAccepted, CheckoutRequest } from "../../schemas/http.ts";
import { AppError } from "../kernel/errors.ts";
import type { Authenticator } from "./auth.ts";
import type { OrchestratorClient } from "./orchestrator-client.ts";
import { ProblemError, problemResponse, STATUS_ACCEPTED } from "./problem.ts";

/** A cart of 50 lines with an address is below 8 KB. */
export const MAX_BODY_BYTES = 64 * 1_024;
/** The longest a status call may be held open. */
const MAX_WAIT_SECONDS = 30;
const IDEMPOTENCY_KEY = /^[\x21-\x7e]{1,200}$/;
const TRACEPARENT = /^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;
/** So many faults of one body are listed; the rest follows from them. */
const MAX_BODY_FAULTS = 20;

const checkoutRequest = TypeCompiler.Compile(CheckoutRequest);

export interface GatewayOptions {
  readonly authenticator: Authenticator;
  readonly orchestrator: OrchestratorClient;
  /** Seals the payment method so that only the payment service can read it. */
  readonly seal: (paymentMethod: string) => Promise<string>;
  /** Called with what was not the client's fault. */
  readonly onError: (error: unknown, request: Request) => void;
}

export function gatewayApp({ authenticator, orchestrator, seal, onError }: GatewayOptions) {
  return new Elysia({ serve: { maxRequestBodySize: MAX_BODY_BYTES } })
    .onError(({ error, code, request }) => {
      const problem = asProblem(error, code);
      if (problem.type === "internal-error" || problem.type === "service-unavailable")
        onError(error, request);
      return problemResponse(problem, new URL(request.url).pathname);
    })
    .post(
      "/api/v1/checkout",
      async ({ request, set }) => {
        const user_id = await authenticator.userOf(request.headers.get("authorization"));
        const client_key = idempotencyKeyOf(request);
        const { payment_method, ...cart } = await checkoutOf(request);
        const { saga_id, replayed } = await orchestrator.startSaga({
          ...cart,
          user_id,
          client_key,
          payment_method: await seal(payment_method),
          // Sealing gives another text each time, so the hash is taken of what the shopper sent.
          body_hash: new Bun.CryptoHasher("sha256")
            .update(JSON.stringify({ ...cart, payment_method }))
            .digest("hex"),
          traceparent: traceparentOf(request),
        });
        const status_url = `/api/v1/saga/${saga_id}/status`;
        set.status = STATUS_ACCEPTED;
        set.headers["location"] = status_url;
        if (replayed) set.headers["idempotent-replayed"] = "true";
        return { saga_id, status_url } satisfies CheckoutAccepted;
      },
      // The body is read by hand: Elysia would strip unknown fields instead of refusing them.
      { parse: "none" },
    )
    .get("/api/v1/saga/:id/status", async ({ params, query, request, set }) => {
      const userId = await authenticator.userOf(request.headers.get("authorization"));
      if (!Value.Check(Uuid, params.id)) throw new ProblemError("not-found");
      const view = await orchestrator.status(params.id, userId, waitMsOf(query["wait"]));
      // Somebody else's saga looks exactly like none.
      if (view === null) throw new ProblemError("not-found");
      set.headers["cache-control"] = "no-store";
      return view;
    });
}

function idempotencyKeyOf(request: Request): string {
  const key = request.headers.get("idempotency-key");
  if (key !== null && IDEMPOTENCY_KEY.test(key)) return key;
  throw new ProblemError(
    "missing-idempotency-key",
    "send 1 to 200 printable characters that are new for each checkout, for example a UUID, and the same ones when you try again",
  );
}

async function checkoutOf(request: Request): Promise<CheckoutRequest> {
  const mediaType = request.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (mediaType !== "application/json") throw new ProblemError("unsupported-media-type");
  const text = await request.text();
  if (Buffer.byteLength(text) > MAX_BODY_BYTES) throw new ProblemError("body-too-large");
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (error) {
    throw new ProblemError("invalid-json", undefined, undefined, { cause: error });
  }
  if (checkoutRequest.Check(body)) return body;
  const errors = [...checkoutRequest.Errors(body)]
    .slice(0, MAX_BODY_FAULTS)
    .map(({ path, message }) => ({ path: path === "" ? "/" : path, message }));
  throw new ProblemError("invalid-body", undefined, errors);
}

/** `?wait=SECONDS`, 0 where it is absent. */
function waitMsOf(wait: string | undefined): number {
  const seconds = wait === undefined ? 0 : Number(wait);
  if (Number.isFinite(seconds) && seconds >= 0 && seconds <= MAX_WAIT_SECONDS)
    return Math.round(seconds * 1_000);
  throw new ProblemError("invalid-query", `wait is a number of seconds from 0 to ${MAX_WAIT_SECONDS}`);
}

/** The caller's trace goes on; a checkout without one starts its own here. */
function traceparentOf(request: Request): string {
  const given = request.headers.get("traceparent");
  if (given !== null && TRACEPARENT.test(given)) return given;
  const id = crypto.getRandomValues(new Uint8Array(24)).toHex();
  return `00-${id.slice(0, 32)}-${id.slice(32)}-01`;
}

function asProblem(error: unknown, code: number | string): ProblemError {
  if (error instanceof ProblemError) return error;
  if (code === "NOT_FOUND") return new ProblemError("not-found");
  if (error instanceof AppError && error.canRetry) return new ProblemError("service-unavailable");
  return new ProblemError("internal-error");
}
