// Records every plan that the connections of a test's databases run, with the pages and rows read: auto_explain sends them as
// notices. Called by plans.int.test.ts and history/.
import { assert } from "../../kernel/errors.ts";
import type { DatabaseName } from "../../../schemas/migrations.ts";
import { openPostgres, type Postgres } from "../../platform/postgres.ts";
import { cloneDatabase, type TestDatabase } from "../database.ts";
import type { PlanNode } from "./judge.ts";

/** Without log_min_duration: the server sets it for all its databases, and it may change during a run. */
const SWITCHED = {
  session_preload_libraries: "auto_explain",
  "auto_explain.log_level": "notice",
  "auto_explain.log_format": "json",
  "auto_explain.log_analyze": "on",
  "auto_explain.log_buffers": "on",
  "auto_explain.log_timing": "off",
};
const ALWAYS = { ...SWITCHED, "auto_explain.log_min_duration": "0" };

export interface HeardPlan {
  /** The source text with normalised white space. */
  readonly text: string;
  readonly plan: PlanNode;
  /** Duration in ms. */
  readonly ms: number;
}

export class PlanWatch {
  /** In execution order. */
  plans: HeardPlan[] = [];

  readonly #settings: Readonly<Record<string, string>>;

  /** `isSwitched`: records only while the server's auto_explain.log_min_duration is 0; otherwise records everything. */
  constructor({ isSwitched = false } = {}) {
    this.#settings = isSwitched ? SWITCHED : ALWAYS;
  }

  readonly clone = (service: DatabaseName): Promise<TestDatabase> =>
    cloneDatabase(service, { settings: this.#settings, onNotice: (notice) => this.#hear(notice) });

  /** A connection to a clone as an operator's tool has it: each statement planned for its values. */
  readonly openFresh = ({ url }: TestDatabase): Postgres =>
    openPostgres({
      url,
      poolSize: 2,
      applicationName: "fresh",
      plans: "fresh",
      onNotice: (notice) => this.#hear(notice),
    });

  #hear(notice: string): void {
    const start = notice.indexOf("{");
    const ms = /^duration: ([\d.]+) ms/.exec(notice)?.[1];
    if (ms === undefined || start === -1) return;
    const explained: unknown = JSON.parse(notice.slice(start));
    assert(isExplained(explained), `auto_explain says ${notice}`);
    const text = explained["Query Text"].replaceAll(/\s+/g, " ").trim();
    this.plans.push({ text, plan: explained.Plan, ms: Number(ms) });
  }
}

function isExplained(
  explained: unknown,
): explained is { readonly "Query Text": string; readonly Plan: PlanNode } {
  return (
    typeof explained === "object" && explained !== null && "Query Text" in explained && "Plan" in explained
  );
}
