// Pure. The limits of the gateway as policies, and the fields that tell clients about them (draft-ietf-httpapi-ratelimit-headers-10).

/** Settings of the same names (RATE_LIMIT_...); 0 switches a limit off. */
export interface LimitSettings {
  /** Requests per minute. */
  readonly address: number;
  readonly user: number;
  /** Checkouts per minute. */
  readonly addressCheckouts: number;
  readonly userCheckouts: number;
  /** Different payment methods per hour, of a user and of a network. */
  readonly userCards: number;
  readonly networkCards: number;
  /** Declined payments per hour. */
  readonly userDeclines: number;
  readonly networkDeclines: number;
  /** Checkouts in progress. */
  readonly userOpen: number;
}

export interface Policy {
  /** In keys, metrics and fields. */
  readonly name: string;
  readonly limit: number;
  readonly windowSeconds: number;
}

/** What is left of one policy. */
export interface Allowance {
  readonly policy: Policy;
  readonly remaining: number;
  readonly msBeforeNext: number;
}

/** `"user";q=600;w=60`: at most q in w seconds. */
export function policyItem({ name, limit, windowSeconds }: Policy): string {
  return `"${name}";q=${limit};w=${windowSeconds}`;
}

/** `"user";r=599;t=60`: r are left, t seconds until there are more. */
export function allowanceItem({ policy, remaining, msBeforeNext }: Allowance): string {
  return `"${policy.name}";r=${remaining};t=${secondsOf(msBeforeNext)}`;
}

/** Whole seconds, at least 1: a client that comes back earlier is refused again. */
export function secondsOf(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1_000));
}

/** The allowance of which the smallest share is left. */
export function tightest(allowances: readonly Allowance[]): Allowance | undefined {
  const share = ({ remaining, policy }: Allowance) => remaining / policy.limit;
  return allowances.toSorted((a, b) => share(a) - share(b))[0];
}
