// RFC 9457 problem bodies, and the only place that chooses HTTP status codes. Every rejection of the gateway passes through here,
// so that a client can choose its next step by `type`.
import type { Problem } from "../../schemas/http.ts";
import { traceFields } from "../kernel/telemetry.ts";
import { secondsOf } from "./limits/policies.ts";

const PROBLEMS = {
  "invalid-json": { status: 400, title: "The body is not JSON" },
  "missing-idempotency-key": { status: 400, title: "The Idempotency-Key header is missing or malformed" },
  "invalid-query": { status: 400, title: "A query parameter is not valid" },
  unauthenticated: { status: 401, title: "A valid bearer token is required" },
  "not-found": { status: 404, title: "The resource does not exist" },
  "method-not-allowed": { status: 405, title: "This path does not support this method" },
  "not-extendable": { status: 409, title: "This checkout does not wait any longer for its shopper" },
  "not-cancellable": { status: 409, title: "This order cannot be cancelled any more" },
  "too-many-streams": {
    status: 429,
    title: "Too many event streams are open; close one, or ask for the status instead",
  },
  "streams-full": {
    status: 503,
    title: "No more event streams at the moment; ask for the status instead, or try again",
  },
  "body-too-large": { status: 413, title: "The body is too large" },
  "unsupported-media-type": { status: 415, title: "The body must be application/json" },
  "invalid-body": { status: 422, title: "The body does not match the schema" },
  "card-number": {
    status: 422,
    title: "The payment method is a card number; send the payment provider's token instead",
  },
  "idempotency-key-reused": { status: 422, title: "This Idempotency-Key was used with another body" },
  "too-many-requests": { status: 429, title: "Too many requests; repeat after the time in Retry-After" },
  "internal-error": { status: 500, title: "Something went wrong on our side" },
  "service-unavailable": {
    status: 503,
    title: "The service is unavailable; retry the same request, a checkout with the same Idempotency-Key",
  },
} as const;

export type ProblemType = keyof typeof PROBLEMS;

/** Status and title, for the OpenAPI document. */
export function describeProblem(type: ProblemType): { readonly status: number; readonly title: string } {
  return PROBLEMS[type];
}

/** How long a client should wait before it retries. */
const RETRY_AFTER_SECONDS = 2;

/** A stream lasts minutes, so an earlier retry would only be refused again. */
export const STREAM_RETRY_AFTER_SECONDS = 10;

export const STATUS_ACCEPTED = 202;
export const STATUS_NO_CONTENT = 204;
export const STATUS_NOT_MODIFIED = 304;
/** From here on it is our fault. */
export const FIRST_SERVER_ERROR = 500;

interface ProblemParts {
  readonly detail?: string;
  /** The faults of the body with their paths. Never the value: it may be a secret. */
  readonly errors?: NonNullable<Problem["errors"]>;
  /** For `method-not-allowed`: the methods that the path supports. */
  readonly allow?: string;
  /** For `too-many-requests`: how long the limit lasts, and further fields about it. */
  readonly limit?: { readonly msBeforeNext: number; readonly fields: object };
  readonly cause?: unknown;
}

/** A rejection for the client. Any part of the gateway throws it; app.ts answers it. */
export class ProblemError extends Error {
  readonly type: ProblemType;
  readonly parts: ProblemParts;

  constructor(type: ProblemType, parts: ProblemParts = {}) {
    super(parts.detail ?? PROBLEMS[type].title, { cause: parts.cause });
    this.name = "ProblemError";
    this.type = type;
    this.parts = parts;
  }

  /** Whether it is our fault, not the client's. */
  get isOurs(): boolean {
    return this.type === "internal-error" || this.type === "service-unavailable";
  }

  /** Whether operators should see it: our own faults, and a front end that sends its shoppers' card numbers. */
  get isForOperators(): boolean {
    return this.isOurs || this.type === "card-number";
  }
}

/**
 * The response of a problem; `instance` is the request's path. Whoever reports a fault of ours can name its trace, if there is one:
 * `traceparent` is the context of the request.
 */
export function problemResponse(
  { type, parts }: ProblemError,
  instance: string,
  traceparent?: string,
): Response {
  const { status, title } = PROBLEMS[type];
  const { detail, errors, allow, limit } = parts;
  const { trace_id } = status >= FIRST_SERVER_ERROR ? traceFields(traceparent) : {};
  const body: Problem = {
    type: `urn:checkout:problem:${type}`,
    title,
    status,
    instance,
    ...(detail === undefined ? {} : { detail }),
    ...(errors === undefined ? {} : { errors }),
    ...(trace_id === undefined ? {} : { trace_id }),
  };
  const headers = new Headers({ "content-type": "application/problem+json", "cache-control": "no-store" });
  if (type === "unauthenticated") headers.set("www-authenticate", "Bearer");
  if (type === "service-unavailable") headers.set("retry-after", String(RETRY_AFTER_SECONDS));
  if (type === "too-many-streams" || type === "streams-full")
    headers.set("retry-after", String(STREAM_RETRY_AFTER_SECONDS));
  if (allow !== undefined) headers.set("allow", allow);
  if (limit !== undefined) {
    headers.set("retry-after", String(secondsOf(limit.msBeforeNext)));
    for (const [name, value] of Object.entries(limit.fields)) headers.set(name, String(value));
  }
  return new Response(JSON.stringify(body), { status, headers });
}
