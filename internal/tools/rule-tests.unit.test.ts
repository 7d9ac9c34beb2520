// The tests of the alert rules taken apart: nothing is lost, and each test keeps what its rules read.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { RULES_FOLDER, TEST_FILES } from "./alert-rules.ts";
import { narrowTests, rulesFor, wideTests } from "./rule-tests.ts";

const rules = {
  groups: [
    {
      name: "first",
      interval: "1m",
      rules: [
        { record: "checkout:a:rate1h", expr: "rate(checkout_a_total[1h])" },
        { record: "checkout:b:rate1h", expr: "checkout:a:rate1h * 2" },
        { alert: "A", expr: "checkout:a:rate1h > 1", for: "5m" },
      ],
    },
    { name: "second", rules: [{ alert: "B", expr: "checkout:b:rate1h > 1" }] },
    {
      name: "third",
      rules: [
        { alert: "C", expr: "checkout_c > 1" },
        { alert: "C", expr: "checkout_d > 1" },
      ],
    },
  ],
};
const namesFor = (...alerts: readonly string[]) =>
  rulesFor(rules, new Set(alerts)).groups.flatMap((group) =>
    group.rules.map(({ alert, record }) => alert ?? record ?? ""),
  );

test("an alert comes with what it reads, whatever that reads, and nothing else", () => {
  expect(namesFor("A")).toEqual(["checkout:a:rate1h", "A"]);
  expect(namesFor("B")).toEqual(["checkout:a:rate1h", "checkout:b:rate1h", "B"]);
  expect(namesFor("C", "A")).toEqual(["checkout:a:rate1h", "A", "C", "C"]);
  expect(() => namesFor("D")).toThrow("there is no alert D");
});

test("groups and rules keep their other settings", () => {
  const [first] = rules.groups;
  const kept: unknown = rulesFor(rules, new Set(["A"])).groups;
  expect(kept).toEqual([{ ...first, rules: [first?.rules[0], first?.rules[2]] }]);
});

test.each([...TEST_FILES])("no test or expectation of %s is lost", async (file) => {
  const { tests }: { tests: { alert_rule_test: unknown[] }[] } = JSON.parse(
    JSON.stringify(Bun.YAML.parse(await Bun.file(join(RULES_FOLDER, file)).text())),
  );
  const narrow = (await narrowTests(file)).map((one): typeof tests => JSON.parse(one.test("x")).tests);
  expect(narrow.flat()).toEqual(tests);
  expect(await wideTests(file)).toHaveLength(tests.length);
});
