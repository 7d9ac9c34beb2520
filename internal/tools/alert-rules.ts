// Reads the alert rules of deploy/prometheus and their tests, for alerts.unit.test.ts and alerts.int.test.ts.
import { join } from "node:path";
import { type Static, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { REPOSITORY } from "../stack/paths.ts";

export const RULES_FOLDER = join(REPOSITORY, "deploy/prometheus");
export const RULE_FILES = ["slo.yml", "alerts.yml"] as const;
export const TEST_FILES = ["slo.test.yml", "alerts.test.yml"] as const;

const Texts = Type.Record(Type.String(), Type.String());
const Rule = Type.Object({
  record: Type.Optional(Type.String()),
  alert: Type.Optional(Type.String()),
  expr: Type.String(),
  for: Type.Optional(Type.String()),
  keep_firing_for: Type.Optional(Type.String()),
  labels: Type.Optional(Texts),
  annotations: Type.Optional(Texts),
});
export type Rule = Static<typeof Rule>;
const RuleFile = Type.Object({ groups: Type.Array(Type.Object({ rules: Type.Array(Rule) })) });

const RuleTests = Type.Object({
  tests: Type.Array(
    Type.Object({
      alert_rule_test: Type.Array(
        Type.Object({ alertname: Type.String(), exp_alerts: Type.Array(Type.Object({})) }),
      ),
    }),
  ),
});
const Config = Type.Object({
  rule_files: Type.Array(Type.String()),
  scrape_configs: Type.Array(Type.Object({ job_name: Type.String() })),
});

async function parsed(file: string): Promise<unknown> {
  return Bun.YAML.parse(await Bun.file(join(RULES_FOLDER, file)).text());
}

/** All rules, in order. */
export async function readRules(): Promise<readonly Rule[]> {
  const files = await Promise.all(RULE_FILES.map(async (file) => Value.Parse(RuleFile, await parsed(file))));
  return files.flatMap(({ groups }) => groups).flatMap(({ rules }) => rules);
}

/** By test, what it expects of an alert at each time: true if it fires. */
export async function readExpectations(): Promise<readonly ReadonlyMap<string, readonly boolean[]>[]> {
  const files = await Promise.all(TEST_FILES.map(async (file) => Value.Parse(RuleTests, await parsed(file))));
  return files
    .flatMap(({ tests }) => tests)
    .map(({ alert_rule_test: cases }) => {
      const byAlert = Map.groupBy(cases, ({ alertname }) => alertname);
      return new Map(
        [...byAlert].map(([name, own]) => [name, own.map(({ exp_alerts }) => exp_alerts.length > 0)]),
      );
    });
}

export async function readConfig(): Promise<Static<typeof Config>> {
  return Value.Parse(Config, await parsed("prometheus.yml"));
}

export interface Selector {
  readonly name: string;
  /** Labels that it selects by, with the operator and the value. */
  readonly matchers: readonly { readonly label: string; readonly operator: string; readonly value: string }[];
}

/** The series that an expression reads, and the labels that it groups by. Pure. */
export function readsOf(expr: string): {
  readonly selectors: readonly Selector[];
  readonly groups: readonly string[];
} {
  const selectors = Array.from(
    expr.matchAll(/(?<![\w:"])(checkout[_:][\w:]+|process_\w+|up|ALERTS)(?![\w:(])(?:\{([^}]*)\})?/g),
    ([, name = "", inside = ""]) => ({
      name,
      matchers: Array.from(
        inside.matchAll(/(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"/g),
        ([, label = "", operator = "", value = ""]) => ({ label, operator, value }),
      ),
    }),
  );
  const groups = Array.from(expr.matchAll(/\b(?:by|on)\s*\(([^)]*)\)/g), ([, labels = ""]) =>
    labels.split(","),
  );
  return {
    selectors,
    groups: groups
      .flat()
      .map((label) => label.trim())
      .filter((label) => label !== ""),
  };
}
