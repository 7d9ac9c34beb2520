// Who is signed in, and what they may do. The roles are enforced by app.ts for every route; pages only show what it allows. Pure.
import { objectionToActing } from "../kernel/actor.ts";

/** A viewer reads. An operator also acts, and may see personal data. */
export type Role = "viewer" | "operator";

export interface Actor {
  /** As it stands in the audit trail. */
  readonly name: string;
  readonly role: Role;
}

export interface IdentifiedActor extends Actor {
  /** The person's own token: what they do at a service is done with it. Null for a sign-in at the identity provider. */
  readonly token: string | null;
  /** Epoch ms: a session ends with its token. */
  readonly expiresAt: number;
}

/** `refused`: why the token does not count, with the way out. Throws SERVICE_UNAVAILABLE if that cannot be known now. */
export type Identify = (token: string) => Promise<IdentifiedActor | { readonly refused: string }>;

/** Why this actor may not act here; null if they may. One sentence for tooltips, problem pages and answers. */
export function objectionTo(actor: Actor, isReadOnly: boolean): string | null {
  return objectionToActing(actor) ?? (isReadOnly ? "this console is read-only (CONSOLE_READ_ONLY)" : null);
}
