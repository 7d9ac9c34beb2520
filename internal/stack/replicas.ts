// The number of processes of each role and their names: `payment`, `payment-2`, `payment-3`. Used by plan.ts for
// `stack up --replicas`, and by code that groups processes by role.
import { type Role, ROLES } from "./role-env.ts";

/** Roles without an entry have one process. */
export type Replicas = Readonly<Partial<Record<Role, number>>>;

/** Topics have 16 partitions; one more consumer would have nothing to read. */
const MAX_REPLICAS = 16;
/** Its ledger is one file with one writer. */
const ALONE: ReadonlySet<Role> = new Set(["paysim"]);

export interface Replica {
  readonly role: Role;
  /** Starts at 1. */
  readonly number: number;
}

/** The first of each role, in order, then every second one, and so on. */
export function replicasOf(counts: Replicas): readonly Replica[] {
  const most = Math.max(1, ...Object.values(counts));
  return Array.from({ length: most }, (_, index) => index + 1).flatMap((number) =>
    ROLES.filter((role) => (counts[role] ?? 1) >= number).map((role) => ({ role, number })),
  );
}

/** The first has the name of its role. */
export function nameOf({ role, number }: Replica): string {
  return number === 1 ? role : `${role}-${number}`;
}

/** The role of a process name; null if it is not a role, for example `kafka-1`. */
export function roleOf(name: string): Role | null {
  const base = name.replace(/-\d+$/, "");
  return ROLES.find((role) => role === base) ?? null;
}

/** Parses `payment=2,relay=3` and adds it to `known`. Throws an error with a sentence on invalid text. */
export function parseReplicas(text: string, known: Replicas = {}): Replicas {
  const counts: Partial<Record<Role, number>> = { ...known };
  for (const part of text.split(",")) {
    const [, name, digits] = /^([^=]*)=(.*)$/.exec(part) ?? [];
    if (name === undefined || digits === undefined)
      throw new Error(`it must be role=number, for example payment=2,relay=3, not ${part}`);
    const role = ROLES.find((one) => one === name);
    if (role === undefined) throw new Error(`there is no role ${name}: choose from ${ROLES.join(", ")}`);
    if (counts[role] !== undefined) throw new Error(`${role} is given twice`);
    const count = /^\d+$/.test(digits) ? Number(digits) : 0;
    if (count < 1 || count > MAX_REPLICAS)
      throw new Error(`${role} can have 1 to ${MAX_REPLICAS} processes, not ${digits}`);
    if (count > 1 && ALONE.has(role)) throw new Error(`${role} keeps one ledger, so it has one process`);
    counts[role] = count;
  }
  return counts;
}
