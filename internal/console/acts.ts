// What all acts of the console have in common: a reason, a line in the audit trail, and an answer for
// scripts or for browsers without them.
import { Value } from "@sinclair/typebox/value";
import { Reason } from "../../schemas/fields.ts";
import { type Act, record, recordIfPossible } from "./audit.ts";
import { badRequest, problemOf } from "./problem.ts";
import { json, seeOther, wantsData } from "./respond.ts";
import type { SignedIn } from "./visit.ts";

const MIN_LENGTH = 3;

/** The reason in the form. Throws a problem if there is none. */
export function reasonOf({ form }: SignedIn): string {
  const reason = (form.get("reason") ?? "").trim();
  if (reason.length < MIN_LENGTH || !Value.Check(Reason, reason))
    throw badRequest(`Say why, in one line of ${MIN_LENGTH} to ${Reason.maxLength} characters.`);
  return reason;
}

/** Does it and keeps it in the audit trail, also what failed or was refused. */
export async function acted<T>(visit: SignedIn, act: Act, work: () => Promise<T>): Promise<T> {
  const answer = await orKept(visit, act, work);
  await record(visit, act);
  return answer;
}

/** For what keeps a line by itself when it is done or refused: a line before it says who asked for it, and from where. Without that nothing is asked. */
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

/** The same for a service, which keeps what it did; what it refused, or that it did not answer, is kept here. */
export function asked<T>(visit: SignedIn, act: Omit<Act, "outcome">, work: () => Promise<T>): Promise<T> {
  return noted(visit, act, () => orKept(visit, act, work));
}

async function orKept<T>(visit: SignedIn, act: Omit<Act, "outcome">, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const problem = problemOf(error);
    if (problem !== null)
      await recordIfPossible(visit, {
        ...act,
        outcome: problem.status === 409 ? "refused" : "failed",
        detail: problem.message,
      });
    throw error;
  }
}

/** For a script a sentence to say; otherwise the page that shows what came of it. */
export function done(visit: SignedIn, path: string, said: string): Response {
  return wantsData(visit.request) ? json({ said }) : seeOther(path);
}
