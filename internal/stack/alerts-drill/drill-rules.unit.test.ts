// The rules of the drill are the real ones but for durations.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { RULE_FILES, RULES_FOLDER } from "../../tools/alert-rules.ts";
import { drillRules } from "./drill-rules.ts";

const textOf = (file: string) => Bun.file(join(RULES_FOLDER, file)).text();

/** Without windows, offsets, waits, and numbers that limit a metric in seconds. */
function withoutDurations(rules: string): string {
  return rules
    .replaceAll(/(\[|offset )\w+/g, "$1DURATION")
    .replaceAll(/((?:for|keep_firing_for): )\w+$/gm, "$1DURATION")
    .replaceAll(/(_seconds\)+ > )(30|60|600|900|1800|8|10|12|40|90)$/gm, "$1DURATION");
}

test.each([...RULE_FILES])("%s: only durations differ", async (file) => {
  const real = await textOf(file);
  const drill = drillRules(real);
  expect(withoutDurations(drill)).toBe(withoutDurations(real));
  // `> 10` is also the p99 of CheckoutsSlow, which is not shortened.
  expect(drill.match(/> 10$/gm)?.length ?? 0).toBe(
    (real.match(/> 10$/gm)?.length ?? 0) + (file === "slo.yml" ? 0 : 2),
  );
  expect(drill.split("\n").filter((line, index) => line !== real.split("\n")[index]).length).toBeGreaterThan(
    20,
  );
});

test("a longer window stays longer", async () => {
  const seconds = (text: string) => {
    const [, number = "", unit = ""] = /^(\d+)([smhd])$/.exec(text) ?? [];
    return Number(number) * ({ s: 1, m: 60, h: 3_600, d: 86_400 }[unit] ?? Number.NaN);
  };
  const windowsOf = (text: string) =>
    Array.from(text.matchAll(/(?:\[|offset )(\d+[smhd])/g), ([, window = ""]) => seconds(window));
  const real = windowsOf((await Promise.all(RULE_FILES.map(textOf))).join("\n"));
  const drill = windowsOf((await Promise.all(RULE_FILES.map(textOf))).map(drillRules).join("\n"));
  expect(real.length).toBeGreaterThan(40);
  const pairs = real.map((window, index) => [window, drill[index] ?? 0] as const);
  for (const [one, short] of pairs)
    for (const [other, otherShort] of pairs) expect(short < otherShort).toBe(one < other);
});

test("an unknown duration is an error, not left as it is", () => {
  expect(() => drillRules("        for: 17m")).toThrow("17m");
  expect(() => drillRules("        expr: sum(increase(a[17m])) > 0")).toThrow("17m");
});
