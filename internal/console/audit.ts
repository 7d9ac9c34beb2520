// Writes what people do in the console into the audit trail, with the address they came from, and into the log. Called by the routes.
import { type OperatorActionKind, recordActions } from "../messaging/operator-action-store.ts";
import { settleActions } from "../operations/dead-letter-store.ts";
import type { Visit } from "./visit.ts";

/** Whose act it is, and the request that it came with. */
type Doing = Pick<Visit, "options" | "request" | "now"> & { readonly actor: { readonly name: string } };

export interface Act {
  readonly action: OperatorActionKind;
  readonly subject: string;
  readonly sagaId?: string | null;
  readonly reason: string;
  /** Null while it is under way. */
  readonly outcome: string | null;
  readonly detail?: string | null;
  readonly parameters?: Readonly<Record<string, unknown>>;
}

/** Throws if it cannot be written: what must be audited does not happen then. Returns the line's id. */
export async function record(visit: Doing, act: Act): Promise<string> {
  const { options, request, actor, now } = visit;
  const { action, subject, sagaId = null, reason, outcome, detail = null, parameters = null } = act;
  const address = options.addressOf(request);
  told(visit, act);
  const action_id = options.newId();
  await recordActions(options.databases.saga, [
    {
      action_id,
      run_id: options.newId(),
      action,
      subject,
      saga_id: sagaId,
      actor: actor.name,
      reason,
      outcome,
      detail,
      address,
      parameters,
      at: now,
    },
  ]);
  return action_id;
}

/** Ends a line that was written before the act. If that is not possible the line stays "in progress", and the log has the outcome. */
export async function settle(
  visit: Doing,
  action_id: string,
  act: Act & { readonly outcome: string },
): Promise<void> {
  const { outcome, detail = null } = act;
  told(visit, act);
  try {
    await settleActions(visit.options.databases.saga, [{ action_id, outcome, detail }]);
  } catch (error) {
    visit.options.onError(error, visit.request);
  }
}

function told({ options, request, actor }: Doing, { action, subject, outcome }: Act): void {
  const address = options.addressOf(request);
  options.onAct(
    { action, subject, actor: actor.name, address, outcome },
    `${action} by ${actor.name}: ${outcome ?? "begins"}`,
  );
}

/** For what happens anyway, such as a refusal: without the database only the log has it. */
export async function recordIfPossible(visit: Doing, act: Act): Promise<void> {
  try {
    await record(visit, act);
  } catch (error) {
    visit.options.onError(error, visit.request);
  }
}
