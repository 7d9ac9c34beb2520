// The drill raises every alert of the rules, once.
import { expect, test } from "bun:test";
import { readRules } from "../../tools/alert-rules.ts";
import { nameOf } from "./scene.ts";
import { NOT_DRILLED, STAGES } from "./stages.ts";

test("every alert has a scene, or a reason why it has none; no scene raises an alert that does not exist", async () => {
  const rules = await readRules();
  const alerts = rules.flatMap(({ alert, labels = {} }) =>
    alert === undefined ? [] : [nameOf(alert, labels)],
  );
  const raised = STAGES.flat().flatMap((scene) => scene.alerts);
  expect([...raised, ...Object.keys(NOT_DRILLED)].toSorted()).toEqual(alerts.toSorted());
  expect(Object.values(NOT_DRILLED).filter((reason) => reason.length < 20)).toEqual([]);
});

test("the runbook says how many they are", async () => {
  const page = await Bun.file(`${import.meta.dir}/../../../docs/runbook.md`).text();
  const [, count] = /`bun run alerts:drill` makes all (\d+) alerts/.exec(page) ?? [];
  expect(Number(count)).toBe(STAGES.flat().flatMap((scene) => scene.alerts).length);
});

test("a rule that exists once per role is named with its role", () => {
  expect(nameOf("RoleAbsent", { role: "relay", severity: "page" })).toBe("RoleAbsent relay");
  expect(nameOf("ChargesHeld", { severity: "page" })).toBe("ChargesHeld");
});
