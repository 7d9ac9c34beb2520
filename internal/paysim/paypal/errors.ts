// PayPal's refusals, by the error schemas of its OpenAPI documents. Pure.

export interface Refusal {
  /** HTTP status. */
  readonly status: number;
  readonly name: string;
  readonly issue: string | null;
  readonly field: string | null;
}

export function unprocessable(issue: string, field: string | null = null): Refusal {
  return { status: 422, name: "UNPROCESSABLE_ENTITY", issue, field };
}

export function invalidRequest(issue: string, field: string): Refusal {
  return { status: 400, name: "INVALID_REQUEST", issue, field };
}

export function notFound(): Refusal {
  return { status: 404, name: "RESOURCE_NOT_FOUND", issue: "INVALID_RESOURCE_ID", field: null };
}

export const IN_PROGRESS: Refusal = {
  status: 409,
  name: "RESOURCE_CONFLICT",
  issue: "PREVIOUS_REQUEST_IN_PROGRESS",
  field: null,
};
export const INTERNAL: Refusal = {
  status: 500,
  name: "INTERNAL_SERVER_ERROR",
  issue: "INTERNAL_SERVER_ERROR",
  field: null,
};
export const UNAUTHORIZED: Refusal = {
  status: 401,
  name: "AUTHENTICATION_FAILURE",
  issue: null,
  field: null,
};
export const RATE_LIMITED: Refusal = { status: 429, name: "RATE_LIMIT_REACHED", issue: null, field: null };
export const UNAVAILABLE: Refusal = { status: 503, name: "SERVICE_UNAVAILABLE", issue: null, field: null };

/** The body of the answer. */
export function renderRefusal({ name, issue, field }: Refusal, debugId: string) {
  const details = issue === null ? {} : { details: [{ issue, ...(field === null ? {} : { field }) }] };
  return {
    name,
    message: "The simulated PayPal refused the request.",
    debug_id: debugId,
    ...details,
    links: [],
  };
}
