// RFC 9457 problem bodies, and the only place where HTTP status numbers are chosen. Everything the gateway refuses comes
// through here, so a shopper's client can tell by `type` what to do next.
import type { Problem } from "../../schemas/http.ts";

const PROBLEMS = {
  "invalid-json": { status: 400, title: "The body is not JSON" },
  "missing-idempotency-key": { status: 400, title: "The Idempotency-Key header is missing or malformed" },
  "invalid-query": { status: 400, title: "A query parameter is not valid" },
  unauthenticated: { status: 401, title: "A valid bearer token is required" },
  "not-found": { status: 404, title: "There is no such thing here" },
  "method-not-allowed": { status: 405, title: "This path does not take this method" },
  "body-too-large": { status: 413, title: "The body is too large" },
  "unsupported-media-type": { status: 415, title: "The body must be application/json" },
  "invalid-body": { status: 422, title: "The body does not fit the schema" },
  "idempotency-key-reused": { status: 422, title: "This Idempotency-Key was used with another body" },
  "internal-error": { status: 500, title: "Something went wrong on our side" },
  "service-unavailable": {
    status: 503,
    title: "The checkout cannot be taken right now; try again with the same Idempotency-Key",
  },
} as const;

export type ProblemType = keyof typeof PROBLEMS;

/** What a client should wait before it tries again, in seconds. */
const RETRY_AFTER_SECONDS = 2;

export const STATUS_OK = 200;
export const STATUS_ACCEPTED = 202;

/** A refusal on its way to the client: thrown by any part of the gateway, answered in one place. */
export class ProblemError extends Error {
  readonly type: ProblemType;
  readonly detail: string | undefined;
  readonly errors: Problem["errors"];

  constructor(
    type: ProblemType,
    detail?: string,
    errors?: Problem["errors"],
    options?: { readonly cause?: unknown },
  ) {
    super(detail ?? PROBLEMS[type].title, options);
    this.name = "ProblemError";
    this.type = type;
    this.detail = detail;
    this.errors = errors;
  }
}

/** The response of a problem; `instance` is the request's path. */
export function problemResponse(problem: ProblemError, instance: string): Response {
  const { status, title } = PROBLEMS[problem.type];
  const body: Problem = {
    type: `urn:checkout:problem:${problem.type}`,
    title,
    status,
    instance,
    ...(problem.detail === undefined ? {} : { detail: problem.detail }),
    ...(problem.errors === undefined ? {} : { errors: problem.errors }),
  };
  const headers = new Headers({ "content-type": "application/problem+json", "cache-control": "no-store" });
  if (problem.type === "unauthenticated") headers.set("www-authenticate", "Bearer");
  if (problem.type === "service-unavailable") headers.set("retry-after", String(RETRY_AFTER_SECONDS));
  return new Response(JSON.stringify(body), { status, headers });
}
