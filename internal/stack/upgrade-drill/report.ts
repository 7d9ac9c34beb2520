// The table of a drill, and whether it passed. Pure.
import { table } from "../../tools/markdown.ts";
import type { Role } from "../role-env.ts";
import type { Pass } from "./passes.ts";

/** What was seen in one state; empty if it held, null if the role has no such state. */
export type Faults = readonly string[] | null;

/** One role in one pass. */
export interface Replaced {
  readonly pass: Pass;
  readonly role: Role;
  /** While its processes were of both releases. */
  readonly beside: Faults;
  /** When all were of the release that the pass leads to. */
  readonly after: Faults;
}

export interface DrillResult {
  readonly replaced: readonly Replaced[];
  /** What concerns no role: the migration, the ends of the checkouts, the audit. By name. */
  readonly others: Readonly<Record<string, Faults>>;
  /** Figures, one sentence each. */
  readonly notes: readonly string[];
}

const MAX_FAULTS_SHOWN = 10;

export function reportOf({ replaced, others, notes }: DrillResult): {
  readonly text: string;
  readonly passed: boolean;
} {
  const passes = [...new Set(replaced.map(({ pass }) => pass))];
  const roles = [...new Set(replaced.map(({ role }) => role))];
  const rows = roles.map((role) => [
    role,
    ...passes.flatMap((pass) => {
      const found = replaced.find((one) => one.role === role && one.pass === pass);
      return found === undefined
        ? ["not reached", "not reached"]
        : [wordOf(found.beside), wordOf(found.after)];
    }),
  ]);
  const faults = [
    ...replaced.flatMap(({ pass, role, beside, after }) => [
      ...told(`${role}, ${pass.heads[0]}`, beside),
      ...told(`${role}, ${pass.heads[1]}`, after),
    ]),
    ...Object.entries(others).flatMap(([name, found]) => told(name, found)),
  ];
  const text = [
    table(["role", ...passes.flatMap(({ heads }) => heads)], rows),
    "",
    ...Object.entries(others).map(([name, found]) => `${name}: ${wordOf(found)}`),
    ...(notes.length === 0 ? [] : ["", ...notes]),
    ...(faults.length === 0 ? [] : ["", ...faults]),
  ].join("\n");
  return { text, passed: faults.length === 0 };
}

function wordOf(faults: Faults): string {
  if (faults === null) return "-";
  return faults.length === 0 ? "held" : "FAILED";
}

function told(where: string, faults: Faults): readonly string[] {
  if (faults === null) return [];
  const left = faults.length - MAX_FAULTS_SHOWN;
  return [
    ...faults.slice(0, MAX_FAULTS_SHOWN).map((fault) => `FAILED ${where}: ${fault}`),
    ...(left > 0 ? [`FAILED ${where}: and ${left} more`] : []),
  ];
}
