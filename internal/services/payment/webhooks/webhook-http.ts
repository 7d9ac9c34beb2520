// The endpoint for the provider's webhook events. It is the only address of this service that is reachable from outside, so it trusts
// only the signature. The provider reads only the status: without a 2xx it resends the event for three days. An event that we cannot
// read is answered 200, because a resend would be no more readable. It is logged, and reconciliation compares its charge or refund
// anyway. Served by cmd/payment.
import { Elysia } from "elysia";
import { AppError } from "../../../kernel/errors.ts";
import { WebhookIntake } from "./webhook-intake.ts";
import type { WebhookReader } from "../providers/webhook-reader.ts";
import type { PaymentMetrics } from "../telemetry.ts";
import type { WebhookContext } from "./webhook.ts";

/** Path of a provider's endpoint, as it is registered at the provider. */
export function webhookPath(provider: string): string {
  return `/webhooks/${provider}`;
}

/** An event with the most metadata that Stripe allows is about 40 KB. */
const MAX_BODY_BYTES = 256 * 1_024;
const RETRY_AFTER_SECONDS = 5;

/** The endpoint of one provider. */
export interface WebhookEndpoint extends WebhookContext {
  readonly reader: WebhookReader;
}

/** Serves the endpoints. `onError` gets the errors that are not the sender's fault. */
export function webhookApi(
  { database, metrics }: Pick<WebhookContext, "database" | "metrics">,
  endpoints: readonly WebhookEndpoint[],
  onError: (error: unknown) => void,
) {
  const app = new Elysia({ serve: { maxRequestBodySize: MAX_BODY_BYTES } }).onError(({ error, code }) => {
    if (code === "NOT_FOUND") return new Response("there is no such path\n", { status: 404 });
    onError(error);
    metrics.webhook("failed");
    const passes = (error instanceof AppError && error.canRetry) || database.faultOf(error) !== "other";
    return passes ? unavailable() : new Response("the event could not be processed\n", { status: 500 });
  });
  for (const endpoint of endpoints) {
    const intake = new WebhookIntake(endpoint);
    app.post(webhookPath(endpoint.provider), ({ request }) => receive(endpoint, intake, request), {
      parse: "none",
    });
  }
  return app;
}

async function receive(
  { reader, clock, metrics, log }: WebhookEndpoint,
  intake: WebhookIntake,
  request: Request,
): Promise<Response> {
  const body = await bodyOf(request);
  if (body === null) return refused(metrics, 413, "the body is too large");
  const opened = await reader.open(body, request.headers, clock.now());
  if (opened.kind === "unavailable") {
    metrics.webhook("failed");
    return unavailable();
  }
  if (opened.kind === "refused") return refused(metrics, 400, "the signature is missing, wrong or too old");
  if (opened.kind === "unreadable" || opened.kind === "no_event") {
    const { fault } = opened;
    log.error({ fault }, `a signed webhook event cannot be read: ${fault}`);
  }
  if (opened.kind === "no_event") return refused(metrics, 400, "this is not an event");
  const result = opened.kind === "event" ? await intake.receive(opened.event) : opened.kind;
  metrics.webhook(result);
  return Response.json({ result });
}

/** Null if it is too large. The server rejects a body with a too large content length; other bodies are measured after reading. */
async function bodyOf(request: Request): Promise<Uint8Array | null> {
  const bytes = await request.bytes();
  return bytes.length > MAX_BODY_BYTES ? null : bytes;
}

function refused(metrics: PaymentMetrics, status: 400 | 413, reason: string): Response {
  metrics.webhook("refused");
  return new Response(`${reason}\n`, { status });
}

function unavailable(): Response {
  const headers = { "retry-after": String(RETRY_AFTER_SECONDS) };
  return new Response("temporarily unavailable, send it again\n", { status: 503, headers });
}
