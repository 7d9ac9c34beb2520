// RFC 9457 problems of the services' internal HTTP APIs: what is rejected, how a body is read, and what the caller gets. The public API
// has its own (internal/gateway/problem.ts), with types that clients rely on. Used by catalogue-http.ts and order-http.ts.
import type { Static, TSchema } from "@sinclair/typebox";
import type { TypeCheck } from "@sinclair/typebox/compiler";
import type { Problem } from "./http.ts";
import { mediaTypeOf } from "./media-type.ts";
import type { ReadQuery } from "./query.ts";

const MAX_FAULTS_TOLD = 20;
const RETRY_AFTER_SECONDS = 1;

const TITLES = {
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  409: "Conflict",
  415: "Unsupported Media Type",
  422: "Unprocessable Content",
  500: "Internal Server Error",
  503: "Service Unavailable",
} as const;

interface Fault {
  readonly path: string;
  readonly message: string;
}

/** A rejected request; the API's `onError` turns it into the response. */
export class Refused extends Error {
  readonly problem: Problem;

  constructor(problem: Problem, options?: { readonly cause?: unknown }) {
    super(problem.detail ?? problem.title, options);
    this.problem = problem;
  }
}

export function refused(status: keyof typeof TITLES, detail: string, cause?: unknown): Refused {
  return new Refused(
    { type: "about:blank", title: TITLES[status], status, detail },
    cause === undefined ? {} : { cause },
  );
}

/** Names the field and the reason, never the value. */
export function invalid(faults: Iterable<Fault>): Refused {
  const errors = [...faults].slice(0, MAX_FAULTS_TOLD).map(({ path, message }) => ({ path, message }));
  return new Refused({ type: "about:blank", title: TITLES[422], status: 422, errors });
}

export function queryOf<Query>(read: ReadQuery<Query>): Query {
  if ("faults" in read) throw invalid(read.faults);
  return read.query;
}

export function requireJson(request: Request): void {
  if (mediaTypeOf(request) !== "application/json") throw refused(415, "the body must be application/json");
}

export async function bodyOf<Schema extends TSchema>(
  request: Request,
  check: TypeCheck<Schema>,
): Promise<Static<Schema>> {
  const body: unknown = await request.json().catch((cause: unknown) => {
    throw refused(400, "the body is not JSON", cause);
  });
  if (check.Check(body)) return body;
  throw invalid(check.Errors(body));
}

interface Failed {
  /** Of Elysia's `onError`. */
  readonly code: string | number;
  readonly error: unknown;
  /** What cannot be had now because the database is away, in the plural; null if it is not. */
  readonly unavailable: string | null;
}

export function problemOf({ code, error, unavailable }: Failed): Problem {
  if (error instanceof Refused) return error.problem;
  if (code === "NOT_FOUND") return { type: "about:blank", title: TITLES[404], status: 404 };
  if (unavailable !== null) return refused(503, `${unavailable} are unavailable, try again`).problem;
  return { type: "about:blank", title: TITLES[500], status: 500 };
}

export function problemResponse(problem: Problem, instance: string): Response {
  const headers = new Headers({ "content-type": "application/problem+json" });
  if (problem.status === 401) headers.set("www-authenticate", "Bearer");
  if (problem.status === 503) headers.set("retry-after", String(RETRY_AFTER_SECONDS));
  return new Response(JSON.stringify({ ...problem, instance }), { status: problem.status, headers });
}
