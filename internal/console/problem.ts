// What goes wrong for a person, as an error that app.ts answers: a page in words, or problem+json for scripts and programs (RFC 9457). Pure.
import { AppError, describeError } from "../kernel/errors.ts";
import { PlanRefused } from "../operations/plan.ts";
import { NotAdmitted } from "../operations/service-call.ts";
import { isBug } from "../operations/reach.ts";

export class Problem extends Error {
  readonly status: number;
  /** A few words; the message says more. */
  readonly title: string;

  constructor(status: number, title: string, detail: string) {
    super(detail);
    this.name = "Problem";
    this.status = status;
    this.title = title;
  }
}

export function notFound(what: string): Problem {
  return new Problem(404, "Not found", what);
}

export function badRequest(what: string): Problem {
  return new Problem(422, "That cannot be", what);
}

/** An error of the code behind the pages. Null if it is one that nobody expected. */
export function problemOf(error: unknown): Problem | null {
  if (error instanceof Problem) return error;
  if (error instanceof NotAdmitted) return notAdmitted(error);
  if (!(error instanceof AppError))
    return isBug(error)
      ? null
      : new Problem(
          503,
          "Not reachable",
          `A database that this page needs does not answer: ${describeError(error)}. The overview shows which one.`,
        );
  if (error instanceof PlanRefused && error.refusal === "not-found") return notFound(error.message);
  // An operation that says no, in its own words.
  if (error.code === "MESSAGE_INVALID") return new Problem(409, "Refused", error.message);
  return error.canRetry ? new Problem(503, "Not reachable", error.message) : null;
}

/** A service trusts other keys than this console, or gives this person another role. Its own reason says which. */
function notAdmitted({ service, status, reason }: NotAdmitted): Problem {
  const text =
    status === 401
      ? `The ${service} refuses your token: ${reason}. Sign in again with one that it trusts.`
      : `The ${service} does not allow it: ${reason}.`;
  return new Problem(403, "Not allowed", text);
}
