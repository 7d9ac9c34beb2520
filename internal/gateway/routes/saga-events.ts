// GET /api/v1/saga/:id/events: follows a checkout live. Composed by app.ts.
import { Type } from "@sinclair/typebox";
import { Uuid } from "../../../schemas/fields.ts";
import type { EventStreams } from "../event-streams.ts";
import { ProblemError, STATUS_NO_CONTENT } from "../problem.ts";
import type { GatewayLimits } from "../limits/hooks.ts";
import { NO_STORE, idOf } from "./reading.ts";
import type { Route, ShopperCall } from "./route.ts";

/** Ids are sent as decimal numbers below 2^53. */
const EVENT_ID = /^\d{1,15}$/;

export interface SagaEventsOptions {
  readonly streams: Pick<EventStreams, "open">;
  readonly limits?: Pick<GatewayLimits, "seen"> | undefined;
}

export function sagaEventsRoute(options: SagaEventsOptions): Route {
  return {
    method: "GET",
    path: "/api/v1/saga/:id/events",
    operationId: "checkoutEvents",
    tag: "checkout",
    summary: "Follow a checkout live (server-sent events)",
    description: `Each \`progress\` event is a step of the checkout, \`{status, step, at}\`; its id grows. A \`status\` event has the same body as the
status route; one comes at the begin and one after each change. A comment comes every 15 seconds. The stream ends with the checkout, and after
5 minutes; connect again with \`Last-Event-ID\` to continue. At most 4 streams per shopper, those of the shop's pages included.`,
    access: "shopper",
    params: { id: { description: "`saga_id` of the checkout.", schema: Uuid } },
    headers: {
      "Last-Event-ID": {
        description: "Continues after this event; a text that is no id counts as none.",
        schema: Type.String(),
      },
    },
    answers: {
      200: {
        description: "The stream.",
        // Readers of the document differ: some take it for the whole text, some for one event.
        schema: Type.Unknown(),
        mediaType: "text/event-stream",
        headers: NO_STORE,
      },
      204: {
        description: "The checkout has ended and nothing came after `Last-Event-ID`: do not connect again.",
      },
    },
    problems: ["not-found", "too-many-streams", "streams-full", "service-unavailable"],
    handle: (call) => follow(options, call),
  };
}

async function follow(
  { streams, limits }: SagaEventsOptions,
  { request, params, userId }: ShopperCall,
): Promise<Response> {
  const sagaId = idOf(params["id"]);
  const after = afterOf(request.headers.get("last-event-id"));
  const stream = await streams.open({
    sagaId,
    userId,
    after,
    signal: request.signal,
    onView: (view) => limits?.seen(request, view, userId),
  });
  // Another user's saga looks exactly like a missing one.
  if (stream === null) throw new ProblemError("not-found");
  if (stream === "finished") return new Response(null, { status: STATUS_NO_CONTENT });
  // The server sends no body, so nobody would ever end the stream.
  const isHead = request.method === "HEAD";
  if (isHead) await stream.cancel();
  return new Response(isHead ? null : stream, {
    // nginx would collect the events otherwise.
    headers: { "content-type": "text/event-stream", "cache-control": "no-store", "x-accel-buffering": "no" },
  });
}

function afterOf(lastEventId: string | null): number {
  return lastEventId !== null && EVENT_ID.test(lastEventId) ? Number(lastEventId) : 0;
}
