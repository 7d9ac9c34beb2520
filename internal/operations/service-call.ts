// What every call of a service's internal interface by an operator has in common. Used by orchestrator.ts, catalogue.ts and shipping.ts.
import { OPERATOR_ADDRESS } from "../../schemas/http.ts";
import { AppError } from "../kernel/errors.ts";

const UNAUTHENTICATED = 401;
const FORBIDDEN = 403;

export interface ServiceAt {
  readonly url: string;
  /** The operator's token. */
  readonly token: string;
  /** Where they are, an IP address, for the audit trail; absent if it is not known. */
  readonly address?: string;
}

export function authorized({ token, address }: ServiceAt): Readonly<Record<string, string>> {
  return {
    authorization: `Bearer ${token}`,
    ...(address === undefined ? {} : { [OPERATOR_ADDRESS]: address }),
  };
}

/** The service does not know the caller (401), or does not let them do this (403). */
export class NotAdmitted extends AppError {
  readonly service: string;
  readonly status: 401 | 403;
  /** The service's own. */
  readonly reason: string;

  constructor(service: string, status: 401 | 403, reason: string) {
    if (status === UNAUTHENTICATED)
      super("CONFIG_INVALID", `the ${service} refuses OPERATOR_TOKEN: ${reason}`);
    else super("MESSAGE_INVALID", `the ${service} does not allow it: ${reason}`);
    this.service = service;
    this.status = status;
    this.reason = reason;
  }
}

/** Throws NotAdmitted if the answer says that the token is refused, or does not allow this. `detail` is the service's reason. */
export function requireAdmitted(service: string, status: number, detail: string | undefined): void {
  if (status === UNAUTHENTICATED || status === FORBIDDEN)
    throw new NotAdmitted(service, status, detail ?? "no reason given");
}
