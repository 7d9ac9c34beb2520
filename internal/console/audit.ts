// Writes what people do in the console into the audit trail, with the address they came from, and into the log. Called by the routes.
import { type OperatorActionKind, recordActions } from "../messaging/operator-action-store.ts";
import type { Visit } from "./visit.ts";

/** Whose act it is, and the request that it came with. */
type Doing = Pick<Visit, "options" | "request" | "now"> & { readonly actor: { readonly name: string } };

export interface Act {
  readonly action: OperatorActionKind;
  readonly subject: string;
  readonly sagaId?: string | null;
  readonly reason: string;
  readonly outcome: string;
  readonly detail?: string | null;
  readonly parameters?: Readonly<Record<string, unknown>>;
}

/** Throws if it cannot be written: what must be audited does not happen then. */
export async function record(visit: Doing, act: Act): Promise<void> {
  const { options, request, actor, now } = visit;
  const { action, subject, sagaId = null, reason, outcome, detail = null, parameters = null } = act;
  const address = options.addressOf(request);
  options.onAct(
    { action, subject, actor: actor.name, address, outcome },
    `${action} by ${actor.name}: ${outcome}`,
  );
  await recordActions(options.databases.saga, [
    {
      action_id: options.newId(),
      run_id: options.newId(),
      action,
      subject,
      saga_id: sagaId,
      actor: actor.name,
      reason,
      outcome,
      detail,
      address: address === "" ? null : address,
      parameters,
      at: now,
    },
  ]);
}

/** For what happens anyway, such as a refusal: without the database only the log has it. */
export async function recordIfPossible(visit: Doing, act: Act): Promise<void> {
  try {
    await record(visit, act);
  } catch (error) {
    visit.options.onError(error, visit.request);
  }
}
