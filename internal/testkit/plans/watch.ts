// Hears every plan that the connections of a test's databases really run, with what each read: Postgres' own auto_explain says it
// as notices. Called by plans.int.test.ts and history/.
import { assert } from "../../kernel/errors.ts";
import type { DatabaseName } from "../../../schemas/migrations.ts";
import { cloneDatabase, type TestDatabase } from "../database.ts";
import type { PlanNode } from "./judge.ts";

/** Without a word about when: the server says that for all its databases, and may be explained otherwise in between. */
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
  /** As the source has it, but for white space. */
  readonly text: string;
  readonly plan: PlanNode;
  /** How long it ran. */
  readonly ms: number;
}

export class PlanWatch {
  /** In the order in which they ran. */
  plans: HeardPlan[] = [];

  readonly #settings: Readonly<Record<string, string>>;

  /** `isSwitched`: heard is what runs while the server's own auto_explain.log_min_duration is 0; otherwise everything. */
  constructor({ isSwitched = false } = {}) {
    this.#settings = isSwitched ? SWITCHED : ALWAYS;
  }

  readonly clone = (service: DatabaseName): Promise<TestDatabase> =>
    cloneDatabase(service, { settings: this.#settings, onNotice: (notice) => this.#hear(notice) });

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
