// Where the provider tells by itself what became of a charge or a refund. The one address of this service that is reachable from
// outside, so it believes nothing but the signature. The provider reads the status alone: with anything but 2xx it sends the
// event again, for three days. So an event that we cannot read is taken with 200: sending it again makes it no more readable.
// It is logged, and what it was about is in the ledger that reconciliation compares. Served by cmd/payment.
import { Elysia } from "elysia";
import { AppError } from "../../../kernel/errors.ts";
import { WebhookIntake } from "./webhook-intake.ts";
import type { WebhookReader } from "../providers/webhook-reader.ts";
import type { PaymentMetrics } from "../telemetry.ts";
import type { WebhookContext } from "./webhook.ts";

/** Path of a provider's endpoint, as it is entered there. */
export function webhookPath(provider: string): string {
  return `/webhooks/${provider}`;
}

/** An event of an intent with the most metadata Stripe allows is about 40 KB. */
const MAX_BODY_BYTES = 256 * 1_024;
const RETRY_AFTER_SECONDS = 5;

/** The endpoint of one provider. */
export interface WebhookEndpoint extends WebhookContext {
  readonly reader: WebhookReader;
}

/** Serves the endpoints. `onError` is called with what was not the sender's fault. */
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
    return passes ? unavailable() : new Response("the event could not be taken in\n", { status: 500 });
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
  const opened = reader.open(body, request.headers, clock.now());
  if (opened.kind === "refused") return refused(metrics, 400, "not signed, or not in time");
  if (opened.kind === "unreadable" || opened.kind === "no_event") {
    const { fault } = opened;
    log.error({ fault }, `what the provider has signed cannot be read: ${fault}`);
  }
  if (opened.kind === "no_event") return refused(metrics, 400, "this is no event");
  const result = opened.kind === "event" ? await intake.receive(opened.event) : opened.kind;
  metrics.webhook(result);
  return Response.json({ result });
}

/** Null where it is larger than allowed. The server cuts off what says so beforehand; the rest is only known when it is read. */
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
  return new Response("not now, send it again\n", { status: 503, headers });
}
