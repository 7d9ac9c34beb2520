// Who sends a request to an internal interface: one of our roles, or a person. Always taken from a verified token, never from a field
// of the request. platform/internal-tokens.ts verifies tokens; permissions.ts says who may call what.

/**
 * `service`: one of our roles, which asks for its shoppers. `reader`: one of our roles, which only reads the catalogue. `viewer`: a person who may read. `operator`: a person who may also act.
 */
export type ActorRole = "service" | "reader" | "viewer" | "operator";

export interface Actor {
  /** The person's name, or the role's. It goes into the audit trail. */
  readonly name: string;
  readonly role: ActorRole;
  /** Name of the key that signed the token. */
  readonly issuer: string;
}

/** Why this person may not act, as a sentence for people; null if they may. The only place that knows which role acts. */
export function objectionToActing({ name, role }: Pick<Actor, "name" | "role">): string | null {
  return role === "operator" ? null : `${name} has the role ${role}; this needs the role operator`;
}

/** Why a request is refused. `no_token`, `bad_token`, `unknown_key` and `expired`: the caller is not known; `forbidden`: it may not. */
export type DeniedReason = "no_token" | "bad_token" | "unknown_key" | "expired" | "forbidden";

/** A refused request. The API that throws it answers in its own format. The message says the way out and may be shown to the caller. */
export class Denied extends Error {
  readonly reason: DeniedReason;

  constructor(reason: DeniedReason, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = "Denied";
    this.reason = reason;
  }

  get status(): 401 | 403 {
    return this.reason === "forbidden" ? 403 : 401;
  }
}

/** Guards the routes of one internal API. */
export interface Access {
  /** Who sends the request, if they may call the route (its pattern, as `/sagas/:id`). Throws Denied. */
  admit(request: Request, route: string): Promise<Actor>;
}

/** What a role proves itself with to one other role. */
export interface Credential {
  /** The value of the `authorization` header. */
  header(): Promise<string>;
  /**
   * Call it when the other side refused the credential, with the `date` of its answer. If its clock is not where it was assumed to be, the
   * next header is another one, with which a new try can succeed.
   */
  correctClock(date: string | null): void;
}
