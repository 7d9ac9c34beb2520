// Compares the brokers' access lists with the table of accounts (schemas/access.ts) and brings them in line. Called by `checkoutctl acl`.
import { type Access, ACCOUNTS, SUPER_USERS } from "../../schemas/access.ts";
import { SUBSCRIPTIONS, TOPICS } from "../../schemas/topics.ts";
import type { AccessRule } from "../kernel/ports.ts";

/** The part of a Kafka admin client that is used here. */
export interface AccessAdmin {
  accessRules(): Promise<readonly AccessRule[]>;
  addAccessRules(rules: readonly AccessRule[]): Promise<void>;
  removeAccessRules(rules: readonly AccessRule[]): Promise<void>;
}

export interface AccessPlan {
  /** In the table and not on the brokers. */
  readonly missing: readonly AccessRule[];
  /** Rules of our accounts that are not in the table: the account may do more than it needs, or is refused what it needs. */
  readonly extra: readonly AccessRule[];
  /** Rules of other accounts about our topics, our groups or the whole cluster. They stay: somebody wanted them. */
  readonly foreign: readonly ForeignRule[];
}

export interface ForeignRule extends AccessRule {
  /** With it somebody else can change what we rely on: forge a message, take a group's messages, change a topic. */
  readonly endangers: boolean;
}

const CLUSTER = "kafka-cluster";

/** The rules that the table asks for. */
export function rulesOf(accounts: Readonly<Record<string, Access>> = ACCOUNTS): readonly AccessRule[] {
  return Object.entries(accounts).flatMap(([account, access]) => {
    const allow = (resource: AccessRule["resource"], names: readonly string[], operation: string) =>
      names.map((name): AccessRule => {
        const principal = principalOf(account);
        return { resource, name, pattern: "LITERAL", principal, host: "*", operation, permission: "ALLOW" };
      });
    return [
      ...allow("topic", access.reads, "READ"),
      ...allow("topic", access.writes, "WRITE"),
      ...allow("topic", access.inspects, "DESCRIBE_CONFIGS"),
      ...allow("group", access.groups, "READ"),
      ...allow("group", access.watches, "DESCRIBE"),
      ...allow("cluster", access.readsAccess ? [CLUSTER] : [], "DESCRIBE"),
    ];
  });
}

/** Pure. `existing` are all rules of the brokers. */
export function planAccess(
  existing: readonly AccessRule[],
  accounts: Readonly<Record<string, Access>> = ACCOUNTS,
): AccessPlan {
  const wanted = new Map(rulesOf(accounts).map((rule) => [keyOf(rule), rule]));
  const found = new Map(existing.map((rule) => [keyOf(rule), rule]));
  const own = new Set([...Object.keys(accounts), ...Object.values(SUPER_USERS)].map(principalOf));
  const unwanted = [...found].filter(([key]) => !wanted.has(key)).map(([, rule]) => rule);
  return {
    missing: [...wanted].filter(([key]) => !found.has(key)).map(([, rule]) => rule),
    extra: unwanted.filter(({ principal }) => own.has(principal)),
    foreign: unwanted
      .filter((rule) => !own.has(rule.principal) && isAboutUs(rule))
      .map((rule) => ({ ...rule, endangers: endangers(rule) })),
  };
}

/** Whether the table is in force and nobody else can change what it protects. */
export function isInForce({ missing, extra, foreign }: AccessPlan): boolean {
  return missing.length + extra.length === 0 && !foreign.some((rule) => rule.endangers);
}

/** Adds first: an account must not lose for a moment what it has under another rule. Returns what was done. */
export async function applyAccess(admin: AccessAdmin): Promise<AccessPlan> {
  const plan = planAccess(await admin.accessRules());
  await admin.addAccessRules(plan.missing);
  await admin.removeAccessRules(plan.extra);
  return plan;
}

/** A rule as a sentence. */
export function inWords({
  resource,
  name,
  pattern,
  principal,
  host,
  operation,
  permission,
}: AccessRule): string {
  const verb = permission === "ALLOW" ? "may" : "may not";
  const what =
    resource === "cluster" ? "the cluster" : `${resource} ${name}${pattern === "PREFIXED" ? "*" : ""}`;
  return `${principal} ${verb} ${operation} ${what}${host === "*" ? "" : ` from ${host}`}`;
}

function principalOf(account: string): string {
  return `User:${account}`;
}

function keyOf({ resource, name, pattern, principal, host, operation, permission }: AccessRule): string {
  return JSON.stringify([resource, name, pattern, principal, host, operation, permission]);
}

const OUR_TOPICS: readonly string[] = Object.values(TOPICS);
const OUR_GROUPS: readonly string[] = Object.keys(SUBSCRIPTIONS);

function isAboutUs({ resource, name, pattern }: AccessRule): boolean {
  if (resource === "cluster") return true;
  const ours = resource === "topic" ? OUR_TOPICS : OUR_GROUPS;
  // As Kafka matches them: a literal star is every name.
  return ours.some((one) => (pattern === "PREFIXED" ? one.startsWith(name) : name === "*" || one === name));
}

const HARMLESS: Readonly<Record<AccessRule["resource"], readonly string[]>> = {
  topic: ["READ", "DESCRIBE", "DESCRIBE_CONFIGS"],
  // A member of a group takes messages away from the others.
  group: ["DESCRIBE"],
  cluster: ["DESCRIBE", "DESCRIBE_CONFIGS", "IDEMPOTENT_WRITE"],
};

function endangers({ resource, operation, principal, permission }: AccessRule): boolean {
  // A rule that denies everybody also denies our accounts.
  if (permission === "DENY") return principal === "User:*";
  return !HARMLESS[resource].includes(operation);
}
