// What all acts of the console have in common: a reason, a line in the audit trail, and an answer for
// scripts or for browsers without them.
import { Value } from "@sinclair/typebox/value";
import { Reason } from "../../schemas/fields.ts";
import { describeError } from "../kernel/errors.ts";
import { type Act, record, recordIfPossible, settle } from "./audit.ts";
import { MIN_REASON_LENGTH } from "./limits.ts";
import { badRequest, problemOf } from "./problem.ts";
import { wantsData } from "./respond.ts";
import { json, seeOther } from "../web/respond.ts";
import type { SignedIn } from "./visit.ts";

/** The reason in the form. Throws a problem if there is none. */
export function reasonOf({ form }: SignedIn): string {
  const reason = (form.get("reason") ?? "").trim();
  if (reason.length < MIN_REASON_LENGTH || !Value.Check(Reason, reason))
    throw badRequest(`Say why, in one line of ${MIN_REASON_LENGTH} to ${Reason.maxLength} characters.`);
  return reason;
}

/**
 * Writes the line first, as "in progress", then does the work and settles the line: without the audit trail nothing happens, and if this
 * process ends between the two, the line says that somebody began. `act` has the outcome if all goes well.
 */
export async function acted<T>(
  visit: SignedIn,
  act: Act & { readonly outcome: string },
  work: () => Promise<T>,
): Promise<T> {
  const line = await record(visit, { ...act, outcome: null });
  try {
    const answer = await work();
    await settle(visit, line, act);
    return answer;
  } catch (error) {
    await settle(visit, line, { ...act, ...failureOf(error) });
    throw error;
  }
}

/** For acts whose function writes its own line at the end. A line before it says who asked, and from where; if that cannot be written, nothing is done. */
export async function noted<T>(
  visit: SignedIn,
  act: Omit<Act, "outcome">,
  work: () => Promise<T>,
): Promise<T> {
  const { action, parameters = {} } = act;
  await record(visit, {
    ...act,
    action: "console.act",
    outcome: "asked",
    parameters: { act: action, ...parameters },
  });
  return work();
}

/** For acts of a service, which records what it did in its own transaction. A refusal, or no answer, is recorded here. */
export function asked<T>(visit: SignedIn, act: Omit<Act, "outcome">, work: () => Promise<T>): Promise<T> {
  return noted(visit, act, () => orKept(visit, act, work));
}

async function orKept<T>(visit: SignedIn, act: Omit<Act, "outcome">, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await recordIfPossible(visit, { ...act, ...failureOf(error) });
    throw error;
  }
}

function failureOf(error: unknown): { readonly outcome: string; readonly detail: string } {
  const problem = problemOf(error);
  const isRefused = problem !== null && problem.status < 500;
  return { outcome: isRefused ? "refused" : "failed", detail: problem?.message ?? describeError(error) };
}

/** Scripts get a sentence to show; browsers without them are sent to the page with the outcome. */
export function done(visit: SignedIn, path: string, message: string): Response {
  return wantsData(visit.request) ? json({ message }) : seeOther(path);
}
