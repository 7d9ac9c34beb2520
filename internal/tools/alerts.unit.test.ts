// The alert rules read metrics that the roles register, say what a person needs, and lead to a section of the runbook. What they compute
// is tested by promtool (alerts.int.test.ts).
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { MESSAGES } from "../../schemas/registry.ts";
import { DURATION_BUCKETS_SECONDS } from "../orchestrator/telemetry.ts";
import type {
  ChargeResult,
  FoundCharge,
  FoundRefund,
  RefundResult,
} from "../services/payment/providers/provider.ts";
import { REPOSITORY } from "../stack/paths.ts";
import { ROLES } from "../stack/role-env.ts";
import { readConfig, readExpectations, readRules, readsOf, RULE_FILES } from "./alert-rules.ts";
import { readRoleSources, registeredMetrics } from "./references.ts";

/** Added by Prometheus to every series. */
const TARGET_LABELS: ReadonlySet<string> = new Set(["job", "instance"]);
/** Fires always, so it waits for nothing. */
const WATCHDOG = "Watchdog";

const rules = await readRules();
const alerts = rules.filter(({ alert }) => alert !== undefined);
const runbook = await Bun.file(join(REPOSITORY, "docs/runbook.md")).text();
const metrics = new Map(
  (await registeredMetrics(await readRoleSources())).map((metric) => [metric.name, metric]),
);
const recorded = rules.flatMap(({ record = [] }) => record);

function metricOf(name: string) {
  const histogram = metrics.get(name.replace(/_(bucket|sum|count)$/, ""));
  return metrics.get(name) ?? (histogram?.type === "histogram" ? histogram : undefined);
}

test("what an expression reads is found", () => {
  expect(
    readsOf(
      'sum by (a, b) (rate(checkout_x_total{c="1",d!~"e|f"}[5m])) > 0 and on() checkout:y:ratio1h > up',
    ),
  ).toEqual({
    selectors: [
      {
        name: "checkout_x_total",
        matchers: [
          { label: "c", operator: "=", value: "1" },
          { label: "d", operator: "!~", value: "e|f" },
        ],
      },
      { name: "checkout:y:ratio1h", matchers: [] },
      { name: "up", matchers: [] },
    ],
    groups: ["a", "b"],
  });
});

test("each series that a rule reads is registered by a role or recorded, with the labels that the rule uses", () => {
  const faults = rules.flatMap(({ alert, record, expr }) => {
    const { selectors, groups } = readsOf(expr);
    const place = alert ?? record;
    const known = new Set(TARGET_LABELS);
    const unknown = selectors.flatMap(({ name, matchers }) => {
      if (name === "up" || recorded.includes(name)) return [];
      const metric = metricOf(name);
      if (metric === undefined) return [`${place}: ${name} is not registered`];
      const labels = new Set([
        ...metric.labels,
        ...TARGET_LABELS,
        ...(name.endsWith("_bucket") ? ["le"] : []),
      ]);
      labels.forEach((label) => known.add(label));
      return matchers
        .filter(({ label }) => !labels.has(label))
        .map(({ label }) => `${place}: ${name} has no label ${label}`);
    });
    return [
      ...unknown,
      ...groups.filter((label) => !known.has(label)).map((label) => `${place}: no ${label}`),
    ];
  });
  expect(rules.flatMap(({ expr }) => readsOf(expr).selectors).length).toBeGreaterThan(60);
  expect(faults).toEqual([]);
});

test("what is recorded is used", () => {
  const used = new Set(alerts.flatMap(({ expr }) => readsOf(expr).selectors.map(({ name }) => name)));
  expect(recorded.filter((name) => !used.has(name))).toEqual([]);
});

test("the values that rules select by exist", () => {
  const values = (wanted: string) =>
    rules.flatMap(({ expr }) =>
      readsOf(expr).selectors.flatMap(({ name, matchers }) =>
        matchers.filter(({ label }) => `${name}.${label}` === wanted).map(({ value }) => value),
      ),
    );
  expect(new Set(values("checkout_saga_duration_seconds_bucket.le"))).toEqual(new Set(["10"]));
  expect(DURATION_BUCKETS_SECONDS).toContain(10);
  const types = values("checkout_inventory_events_total.type");
  expect(types.length).toBeGreaterThan(1);
  expect(types.filter((type) => !Object.hasOwn(MESSAGES, type))).toEqual([]);
  const jobs = values("up.job").filter((job) => !job.includes(".+"));
  expect(jobs.toSorted()).toEqual(
    ROLES.filter((role) => role !== "paysim")
      .map((role) => `checkout-${role}`)
      .toSorted(),
  );
});

test("an answer of the provider counts as one exactly if it is definite", () => {
  type Outcome = (ChargeResult | FoundCharge | RefundResult | FoundRefund)["kind"];
  // `no_effect` is an answer about this shopper's payment method, or a charge that the open breaker kept back, which has its own alert.
  const IS_ANSWER: Readonly<Record<Outcome, boolean>> = {
    succeeded: true,
    declined: true,
    action_required: true,
    not_found: true,
    no_effect: true,
    not_yet: false,
    unknown: false,
    deferred: false,
    request_refused: false,
  };
  const { expr = "" } = alerts.find(({ alert }) => alert === "ProviderFails") ?? {};
  const [excluded] = readsOf(expr).selectors.flatMap(({ matchers }) => matchers);
  expect(excluded).toMatchObject({ label: "outcome", operator: "!~" });
  const outcomes = Object.entries(IS_ANSWER);
  const failures = outcomes.filter(([, isAnswer]) => !isAnswer).map(([outcome]) => outcome);
  expect(excluded?.value.split("|").toSorted()).toEqual(failures.toSorted());
});

describe("an alert", () => {
  test("says how urgent it is, whose it is, what happened, with the value, and how long it waits", () => {
    const faults = alerts.flatMap(({ alert = "", labels = {}, annotations = {}, ...rule }) => [
      ...(/^([A-Z][a-z]+)+$/.test(alert) ? [] : [`${alert}: the name is not CamelCase`]),
      ...(["page", "ticket"].includes(labels["severity"] ?? "") ? [] : [`${alert}: severity`]),
      ...(labels["team"] ? [] : [`${alert}: team`]),
      ...(annotations["summary"]?.includes("{{") === false ? [] : [`${alert}: summary`]),
      ...(annotations["description"]?.includes("{{") === true ? [] : [`${alert}: description`]),
      ...(alert === WATCHDOG || (rule.for && rule.keep_firing_for) ? [] : [`${alert}: for, keep_firing_for`]),
    ]);
    expect(alerts.length).toBeGreaterThan(30);
    expect(faults).toEqual([]);
  });

  test("leads to a section of the runbook, whose list of alerts has it with its urgency", () => {
    const anchors = new Set(
      Array.from(runbook.matchAll(/^#+ (.*)$/gm), ([, title = ""]) => `docs/runbook.md#${anchorOf(title)}`),
    );
    expect(alerts.filter(({ annotations }) => !anchors.has(annotations?.["runbook_url"] ?? ""))).toEqual([]);
    const [, section = ""] = /^## Alerts$(.*?)^## /ms.exec(runbook) ?? [];
    const rows = Array.from(
      section.matchAll(/^\| `(\w+)` *\| (\w+(?:, \w+)?) *\|.*\(#([\w-]+)\)/gm),
      ([, ...cells]) => cells,
    );
    const listed = new Map(
      rows.map(([name = "", severity = "", anchor = ""]) => [name, { severity, anchor }]),
    );
    expect(new Set(listed.keys())).toEqual(new Set(alerts.map(({ alert = "" }) => alert)));
    for (const { alert = "", labels, annotations } of alerts) {
      expect(listed.get(alert)?.severity).toContain(labels?.["severity"] ?? "none");
      expect(`docs/runbook.md#${listed.get(alert)?.anchor}`).toBe(annotations?.["runbook_url"] ?? "");
    }
  });

  test("has tests: it does not fire, fires, and stops", async () => {
    const expectations = await readExpectations();
    const untested = alerts.filter(({ alert = "" }) => {
      const sequences = expectations.map((byAlert) =>
        (byAlert.get(alert) ?? []).map((fires) => (fires ? "x" : "-")).join(""),
      );
      return alert === WATCHDOG
        ? !sequences.includes("xx")
        : !sequences.some((sequence) => /-x.*-/.test(sequence));
    });
    expect(untested.map(({ alert }) => alert)).toEqual([]);
  });
});

test("the example configuration loads the rules and scrapes every role but the simulator", async () => {
  const { rule_files, scrape_configs } = await readConfig();
  expect(rule_files).toEqual([...RULE_FILES]);
  expect(scrape_configs.map(({ job_name }) => job_name).toSorted()).toEqual(
    ROLES.filter((role) => role !== "paysim")
      .map((role) => `checkout-${role}`)
      .toSorted(),
  );
});

/** The anchor that GitHub gives a heading. */
function anchorOf(title: string): string {
  return title
    .toLowerCase()
    .replaceAll(/[^\w\- ]/g, "")
    .replaceAll(" ", "-");
}
