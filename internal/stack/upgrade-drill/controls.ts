// Mistakes of a release, each of which the drill must notice: `--control NAME` makes one on purpose, and passes if the drill fails because of it.
// A drill that finds nothing wrong is only worth something if it would.
import type { DatabaseName } from "../../../schemas/migrations.ts";
import { SERVED_COUNTRY } from "../../../bench/chaos/cases.ts";
import type { RoleOverrides } from "../role-env.ts";
import { CARDS, type Pass, PASSES } from "./passes.ts";
import type { DrillResult } from "./report.ts";

export interface Control {
  /** The mistake, for people. */
  readonly mistake: string;
  /** What a migration of the new release does as well. */
  readonly migration?: { readonly database: DatabaseName; readonly statement: string };
  /** Settings with which the binaries of the new release act as if they were wrong. */
  readonly overrides: RoleOverrides;
  /** The states that are still gone through. */
  readonly passes: readonly Pass[];
  /** The text of a fault that only this mistake causes. */
  readonly sign: RegExp;
}

export const CONTROL_NAMES = ["column", "decision", "start", "table"] as const;

const upgradeOf = (...order: Pass["order"]): readonly Pass[] =>
  PASSES.slice(0, 1).map((pass) => ({ ...pass, order, holding: [] }));

export const CONTROLS = {
  column: {
    mistake: "a migration renames a column that the old release writes",
    migration: {
      database: "order",
      statement: "alter table orders rename column total_cents to amount_cents",
    },
    overrides: {},
    passes: [],
    sign: /total_cents|column/,
  },
  decision: {
    mistake: "the new order service refuses orders that the old one takes",
    overrides: { order: { ORDER_BLOCKED_COUNTRIES: SERVED_COUNTRY } },
    passes: upgradeOf("order"),
    sign: /ended as/,
  },
  start: {
    mistake: "the new order service does not start",
    overrides: { order: { ORDER_BLOCKED_COUNTRIES: "Atlantis" } },
    passes: upgradeOf("order"),
    sign: /order-1/,
  },
  table: {
    mistake: "the orchestrator is rolled back while checkouts hold the money first",
    overrides: {},
    passes: [
      ...upgradeOf("relay", "orchestrator", "inventory", "payment").map((pass) => ({
        ...pass,
        holding: [CARDS],
      })),
      ...PASSES.slice(1, 2).map((pass): Pass => ({ ...pass, order: ["orchestrator"] })),
    ],
    sign: /version 2 of the saga table/,
  },
} as const satisfies Readonly<Record<(typeof CONTROL_NAMES)[number], Control>>;

/** The faults of a drill that tell of this mistake. Pure. */
export function signsOf({ replaced, others }: DrillResult, { sign }: Control): readonly string[] {
  const faults = [
    ...replaced.flatMap(({ beside, after }) => [...(beside ?? []), ...(after ?? [])]),
    ...Object.values(others).flatMap((found) => found ?? []),
  ];
  return faults.filter((fault) => sign.test(fault));
}
