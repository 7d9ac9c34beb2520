// What every HTTP call of one of our roles to another has in common: it is signed with the caller's own key. Used by the gateway's
// internal-api.ts and by product-names.ts. Operators have a token instead; see operations/service-call.ts.
import type { Credential } from "./actor.ts";

const UNAUTHENTICATED = 401;
const FORBIDDEN = 403;

/**
 * `send` gets the value of the `authorization` header. A refused request was not carried out. It is sent once more if the clock of the
 * other side was the reason.
 */
export async function sendSigned(
  credential: Credential,
  send: (authorization: string) => Promise<Response>,
): Promise<Response> {
  const header = await credential.header();
  const response = await send(header);
  if (response.status !== UNAUTHENTICATED) return response;
  credential.correctClock(response.headers.get("date"));
  const corrected = await credential.header();
  // Of several calls that are refused together, the first corrects the clock for all.
  if (corrected === header) return response;
  await response.body?.cancel();
  return send(corrected);
}

/** Whether the other side does not let the caller in. */
export function isShut({ status }: Response): boolean {
  return status === UNAUTHENTICATED || status === FORBIDDEN;
}

/** For the log of the caller. `setting` holds its private key, and `kind` is what the key may be used for. */
export function shutText(
  { service, caller, setting, kind }: Readonly<Record<"service" | "caller" | "setting" | "kind", string>>,
  status: number,
): string {
  return `${service} refuses this ${caller} (${status}): its TRUSTED_CALLERS_JWKS must have the public half of ${setting}, with the kind ${kind}; its log says more`;
}
