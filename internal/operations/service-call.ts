// What every call of a service's internal interface by an operator has in common. Used by orchestrator.ts, catalogue.ts and shipping.ts.
import { AppError } from "../kernel/errors.ts";

const UNAUTHENTICATED = 401;
const FORBIDDEN = 403;

export interface ServiceAt {
  readonly url: string;
  /** The operator's token. */
  readonly token: string;
}

export function authorized({ token }: ServiceAt): { readonly authorization: string } {
  return { authorization: `Bearer ${token}` };
}

/** Throws if the answer says that the token is refused, or does not allow this. `detail` is the service's reason. */
export function requireAdmitted(service: string, status: number, detail: string | undefined): void {
  const reason = detail ?? "no reason given";
  if (status === UNAUTHENTICATED)
    throw new AppError("CONFIG_INVALID", `the ${service} refuses OPERATOR_TOKEN: ${reason}`);
  if (status === FORBIDDEN)
    throw new AppError("MESSAGE_INVALID", `the ${service} does not allow it: ${reason}`);
}
