// The checkout API of both baselines: the product's routes and bodies, so that the same shopper can order from all three. Without
// sign-in, rate limit and mail: the cost of a baseline is the minimum of such a design.
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { CheckoutRequest } from "../../schemas/http.ts";

const checkoutRequest = TypeCompiler.Compile(CheckoutRequest);

export const REFUSALS = { OUT_OF_STOCK: 409, CARD_DECLINED: 402 } as const;
export type Refusal = keyof typeof REFUSALS;

/** Places a checkout; returns its id or a refusal. Any error becomes a 503. */
export type Place = (clientKey: string, request: CheckoutRequest) => Promise<{ id: string } | Refusal>;

/** Listens on 127.0.0.1; port 0 selects a free port. */
export function serveCheckouts(port: number, place: Place) {
  return Bun.serve({
    hostname: "127.0.0.1",
    port,
    routes: {
      "/healthz": () => new Response("ok"),
      "/api/v1/checkout": {
        async POST(request) {
          const key = request.headers.get("idempotency-key");
          const body: unknown = await request.json().catch(() => null);
          if (key === null || !checkoutRequest.Check(body)) return problem(400, "INVALID_REQUEST");
          try {
            const answer = await place(key, body);
            if (typeof answer === "string") return problem(REFUSALS[answer], answer);
            const status_url = `/api/v1/saga/${answer.id}/status`;
            return Response.json({ saga_id: answer.id, status_url }, { status: 202 });
          } catch (error) {
            console.error(error);
            return problem(503, "UNAVAILABLE");
          }
        },
      },
    },
  });
}

function problem(status: number, title: string): Response {
  return Response.json({ type: "about:blank", title, status }, { status });
}
