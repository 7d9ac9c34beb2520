// Takes the tests of the alert rules apart for promtool, which evaluates every rule at every step of every test, half a minute in all. A test
// needs only the rules that it asks about. Called by alerts.int.test.ts.
import { join } from "node:path";
import { type Static, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { assert } from "../kernel/errors.ts";
import { readsOf, RULES_FOLDER } from "./alert-rules.ts";

// Other keys than these are kept as they are.
const RuleGroups = Type.Object({
  groups: Type.Array(
    Type.Object({
      rules: Type.Array(
        Type.Object({
          record: Type.Optional(Type.String()),
          alert: Type.Optional(Type.String()),
          expr: Type.String(),
        }),
      ),
    }),
  ),
});
export type RuleGroups = Static<typeof RuleGroups>;

const RuleTest = Type.Object({
  name: Type.String(),
  alert_rule_test: Type.Array(Type.Object({ alertname: Type.String(), eval_time: Type.String() }), {
    minItems: 1,
  }),
});

const TestFile = Type.Object({
  rule_files: Type.Array(Type.String()),
  evaluation_interval: Type.String(),
  tests: Type.Array(RuleTest),
});
type TestFile = Static<typeof TestFile>;
type AnyTests = Omit<TestFile, "tests"> & { readonly tests: readonly object[] };

/** The text of files for promtool: one test, and the rules that it is about. */
export interface OneTest {
  readonly rules: string;
  /** `rulesName`: what the file with the rules will be called. */
  readonly test: (rulesName: string) => string;
}

const STEPS = 10;
const MINUTES = { m: 1, h: 60, d: 24 * 60 } as const;

/** Each test of `file` with only the rules that it asks about. */
export async function narrowTests(file: string): Promise<readonly OneTest[]> {
  const { rules, tests } = await filesAbout(file);
  return tests.tests.map((test) => {
    const wanted = new Set(test.alert_rule_test.map(({ alertname }) => alertname));
    return filesOf(rulesFor(rules, wanted), { ...tests, tests: [test] });
  });
}

/**
 * Each test of `file` with all rules, but without its expectations and in large steps: a rule that cannot be evaluated with the series of
 * another one's test is a fault there.
 */
export async function wideTests(file: string): Promise<readonly OneTest[]> {
  const { rules, tests } = await filesAbout(file);
  return tests.tests.map((test) => {
    const minutes = Math.max(...test.alert_rule_test.map(({ eval_time }) => minutesOf(eval_time)));
    const until = {
      expr: "vector(1)",
      eval_time: `${minutes}m`,
      exp_samples: [{ labels: "{}", value: 1 }],
    };
    return filesOf(rules, {
      ...tests,
      evaluation_interval: `${Math.ceil(minutes / STEPS)}m`,
      tests: [{ ...test, alert_rule_test: [], promql_expr_test: [until] }],
    });
  });
}

/** The rules of these alerts, and those whose series they read, in their order. Pure. Throws if there is no such alert. */
export function rulesFor({ groups, ...rest }: RuleGroups, alerts: ReadonlySet<string>): RuleGroups {
  const all = groups.flatMap(({ rules }) => rules);
  const needed = new Set<(typeof all)[number]>();
  const need = (rule: (typeof all)[number]): void => {
    if (needed.has(rule)) return;
    needed.add(rule);
    const read = new Set(readsOf(rule.expr).selectors.map(({ name }) => name));
    for (const other of all) if (other.record !== undefined && read.has(other.record)) need(other);
  };
  for (const name of alerts) {
    // Several rules can raise alerts of one name.
    const found = all.filter(({ alert }) => alert === name);
    assert(found.length > 0, `there is no alert ${name}`);
    for (const rule of found) need(rule);
  }
  return {
    ...rest,
    groups: groups
      .map((group) => ({ ...group, rules: group.rules.filter((rule) => needed.has(rule)) }))
      .filter(({ rules }) => rules.length > 0),
  };
}

async function filesAbout(file: string): Promise<{ readonly rules: RuleGroups; readonly tests: TestFile }> {
  const tests = await parsed(file, TestFile);
  const [rules] = tests.rule_files;
  assert(
    rules !== undefined && tests.rule_files.length === 1,
    `${file} is about more than one file of rules`,
  );
  return { rules: await parsed(rules, RuleGroups), tests };
}

async function parsed<Schema extends typeof TestFile | typeof RuleGroups>(
  file: string,
  schema: Schema,
): Promise<Static<Schema>> {
  const value: unknown = Bun.YAML.parse(await Bun.file(join(RULES_FOLDER, file)).text());
  Value.Assert(schema, value);
  return value;
}

/** JSON is YAML. */
function filesOf(rules: RuleGroups, tests: AnyTests): OneTest {
  return {
    rules: JSON.stringify(rules),
    test: (rulesName) => JSON.stringify({ ...tests, rule_files: [rulesName] }),
  };
}

function minutesOf(time: string): number {
  const [, count, unit] = /^(\d+)([mhd])$/.exec(time) ?? [];
  assert(unit === "m" || unit === "h" || unit === "d", `${time} is no number of minutes, hours or days`);
  return Number(count) * MINUTES[unit];
}
