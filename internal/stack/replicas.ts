// How many processes each role has and what they are called: `payment`, `payment-2`, `payment-3`. Used by plan.ts for
// `stack up --replicas`, and by whoever counts by role what is told by process.
import { type Role, ROLES } from "./role-env.ts";

/** Roles that are left out have one process. */
export type Replicas = Readonly<Partial<Record<Role, number>>>;

/** A further consumer would have nothing to read: topics have so many partitions. */
const MAX_REPLICAS = 16;
/** Its ledger is one file, which one process writes. */
const ALONE: ReadonlySet<Role> = new Set(["paysim"]);

export interface Replica {
  readonly role: Role;
  /** From 1 on. */
  readonly number: number;
}

/** The first of each role, in order, then every second one, and so on. */
export function replicasOf(counts: Replicas): readonly Replica[] {
  const most = Math.max(1, ...Object.values(counts));
  return Array.from({ length: most }, (_, index) => index + 1).flatMap((number) =>
    ROLES.filter((role) => (counts[role] ?? 1) >= number).map((role) => ({ role, number })),
  );
}

/** The first is called as its role. */
export function nameOf({ role, number }: Replica): string {
  return number === 1 ? role : `${role}-${number}`;
}

/** The role of a process; null for what is none, as `kafka-1`. */
export function roleOf(name: string): Role | null {
  const base = name.replace(/-\d+$/, "");
  return ROLES.find((role) => role === base) ?? null;
}

/** `payment=2,relay=3`, added to what is known already. Throws a sentence on anything else. */
export function parseReplicas(text: string, known: Replicas = {}): Replicas {
  const counts: Partial<Record<Role, number>> = { ...known };
  for (const part of text.split(",")) {
    const [, name, digits] = /^([^=]*)=(.*)$/.exec(part) ?? [];
    if (name === undefined || digits === undefined)
      throw new Error(`it has the form role=number, for example payment=2,relay=3, and not ${part}`);
    const role = ROLES.find((one) => one === name);
    if (role === undefined) throw new Error(`there is no role ${name}: it is one of ${ROLES.join(", ")}`);
    if (counts[role] !== undefined) throw new Error(`${role} is said twice`);
    const count = /^\d+$/.test(digits) ? Number(digits) : 0;
    if (count < 1 || count > MAX_REPLICAS)
      throw new Error(`${role} has from 1 to ${MAX_REPLICAS} processes, and not ${digits}`);
    if (count > 1 && ALONE.has(role)) throw new Error(`${role} keeps one ledger, so there is one of it`);
    counts[role] = count;
  }
  return counts;
}
