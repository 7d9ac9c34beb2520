// The public API. Each route authenticates, reads the request, makes one call to the orchestrator and answers. Called by
// cmd/gateway.
import { Value } from "@sinclair/typebox/value";
import { Elysia } from "elysia";
import { Uuid } from "../../schemas/fields.ts";
import type { CheckoutAccepted } from "../../schemas/http.ts";
import { AppError } from "../kernel/errors.ts";
import type { Authenticator } from "./auth.ts";
import { checkoutOf, hashOf, idempotencyKeyOf, MAX_BODY_BYTES, traceparentOf } from "./checkout-request.ts";
import type { OrchestratorClient } from "./orchestrator-client.ts";
import { ProblemError, problemResponse, STATUS_ACCEPTED } from "./problem.ts";

/**
 * Above this the server itself cuts a body off, with a bare answer. Between the two limits the client gets a problem body. The
 * server limits headers to 16 KB in total.
 */
const MAX_BODY_BYTES_READ = 16 * MAX_BODY_BYTES;
/** Longest time that a status call is held open. */
const MAX_WAIT_SECONDS = 30;
/** Decimal seconds only; `Number` accepts more. */
const SECONDS = /^\d{1,2}(\.\d{1,3})?$/;

export interface GatewayOptions {
  readonly authenticator: Authenticator;
  readonly orchestrator: OrchestratorClient;
  /** Seals the payment method, so that only the payment service can read it. */
  readonly seal: (paymentMethod: string) => string;
  /** Called with errors that operators should see. */
  readonly onError: (error: unknown, request: Request) => void;
}

export function gatewayApp({ authenticator, orchestrator, seal, onError }: GatewayOptions) {
  return new Elysia({ serve: { maxRequestBodySize: MAX_BODY_BYTES_READ } })
    .onError(({ error, code, request, path }) => {
      const problem = asProblem(error, code);
      // A client that disconnected gets no answer, and its disconnect is not an error.
      if (problem.isForOperators && !request.signal.aborted) onError(error, request);
      return problemResponse(problem, path);
    })
    .post(
      "/api/v1/checkout",
      async ({ request, set }) => {
        const user_id = await authenticator.userOf(request.headers.get("authorization"));
        const client_key = idempotencyKeyOf(request);
        const checkout = await checkoutOf(request);
        const { payment_method, shipping_address, ...cart } = checkout;
        const { saga_id, replayed } = await orchestrator.startSaga({
          ...cart,
          // Stored addresses always have both, possibly empty: their readers rely on it.
          shipping_address: { city: "", postal_code: "", ...shipping_address },
          user_id,
          client_key,
          payment_method: seal(payment_method),
          // Hashes the unsealed request: sealing gives a different text each time.
          body_hash: hashOf(checkout),
          traceparent: traceparentOf(request),
        });
        const status_url = `/api/v1/saga/${saga_id}/status`;
        set.status = STATUS_ACCEPTED;
        set.headers["location"] = status_url;
        if (replayed) set.headers["idempotent-replayed"] = "true";
        return { saga_id, status_url } satisfies CheckoutAccepted;
      },
      // Elysia would strip unknown fields instead of rejecting them, so the body is read here.
      { parse: "none" },
    )
    .all("/api/v1/checkout", () => refuseMethod("POST"), { parse: "none" })
    .get("/api/v1/saga/:id/status", async ({ params, query, request, set }) => {
      const userId = await authenticator.userOf(request.headers.get("authorization"));
      if (!Value.Check(Uuid, params.id)) throw new ProblemError("not-found");
      const waitMs = waitMsOf(query["wait"]);
      const view = await orchestrator.status(params.id, userId, { waitMs, signal: request.signal });
      // Another user's saga looks exactly like a missing one.
      if (view === null) throw new ProblemError("not-found");
      set.headers["cache-control"] = "no-store";
      return view;
    })
    .all("/api/v1/saga/:id/status", () => refuseMethod("GET, HEAD"), { parse: "none" });
}

function refuseMethod(allow: string): never {
  throw new ProblemError("method-not-allowed", { allow });
}

/** `?wait=SECONDS`, 0 if absent. */
function waitMsOf(wait: string | undefined): number {
  if (wait === undefined) return 0;
  const seconds = SECONDS.test(wait) ? Number(wait) : Infinity;
  if (seconds <= MAX_WAIT_SECONDS) return Math.round(seconds * 1_000);
  throw new ProblemError("invalid-query", {
    detail: `wait must be a number of seconds from 0 to ${MAX_WAIT_SECONDS} with at most three decimals`,
  });
}

function asProblem(error: unknown, code: number | string): ProblemError {
  if (error instanceof ProblemError) return error;
  if (code === "NOT_FOUND") return new ProblemError("not-found");
  if (error instanceof AppError && error.canRetry) return new ProblemError("service-unavailable");
  return new ProblemError("internal-error");
}
