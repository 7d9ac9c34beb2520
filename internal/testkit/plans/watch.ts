// Hears every plan that the connections of a test's databases really run, with what each read: Postgres' own auto_explain says it
// as notices. Called by plans.int.test.ts.
import { assert } from "../../kernel/errors.ts";
import type { DatabaseName } from "../../../schemas/migrations.ts";
import { cloneDatabase, type TestDatabase } from "../database.ts";
import type { PlanNode } from "./judge.ts";

const SETTINGS = {
  session_preload_libraries: "auto_explain",
  "auto_explain.log_min_duration": "0",
  "auto_explain.log_level": "notice",
  "auto_explain.log_format": "json",
  "auto_explain.log_analyze": "on",
  "auto_explain.log_buffers": "on",
  "auto_explain.log_timing": "off",
};

export interface HeardPlan {
  /** As the source has it, but for white space. */
  readonly text: string;
  readonly plan: PlanNode;
}

export class PlanWatch {
  /** In the order in which they ran. */
  plans: HeardPlan[] = [];

  readonly clone = (service: DatabaseName): Promise<TestDatabase> =>
    cloneDatabase(service, { settings: SETTINGS, onNotice: (notice) => this.#hear(notice) });

  #hear(notice: string): void {
    const start = notice.indexOf("{");
    if (!notice.startsWith("duration:") || start === -1) return;
    const told: unknown = JSON.parse(notice.slice(start));
    assert(isTold(told), `auto_explain says ${notice}`);
    this.plans.push({ text: told["Query Text"].replaceAll(/\s+/g, " ").trim(), plan: told.Plan });
  }
}

function isTold(told: unknown): told is { readonly "Query Text": string; readonly Plan: PlanNode } {
  return typeof told === "object" && told !== null && "Query Text" in told && "Plan" in told;
}
