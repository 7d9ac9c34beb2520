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
import { readKnownSeries, unknownIn } from "./known-series.ts";
import { anchorsOf } from "./markdown.ts";

/** Fires always, so it waits for nothing. */
const WATCHDOG = "Watchdog";

const rules = await readRules();
const alerts = rules.filter(({ alert }) => alert !== undefined);
const runbook = await Bun.file(join(REPOSITORY, "docs/runbook.md")).text();
const known = await readKnownSeries();

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
  expect(rules.flatMap(({ expr }) => readsOf(expr).selectors.map(({ name }) => name)).length).toBeGreaterThan(
    60,
  );
  expect(rules.flatMap(({ alert, record, expr }) => unknownIn(expr, alert ?? record ?? "", known))).toEqual(
    [],
  );
});

test("a series, a label or a group that does not exist is found", () => {
  const faults = (expr: string) => unknownIn(expr, "it", known);
  expect(faults('sum by (database) (checkout_outbox_unpublished{job="checkout-relay"})')).toEqual([]);
  expect(faults("rate(checkout_messages_batch_size_bucket[5m])")).toEqual([]);
  expect(faults("checkout_outbox_unpublishd")).toEqual(["it: checkout_outbox_unpublishd is not registered"]);
  expect(faults("checkout_outbox_unpublished_bucket")).toHaveLength(1);
  expect(faults('checkout_outbox_unpublished{service="a"}')).toEqual([
    "it: checkout_outbox_unpublished has no label service",
  ]);
  expect(faults("sum by (service) (checkout_outbox_unpublished)")).toEqual(["it: no service"]);
});

test("what is recorded is used", () => {
  const used = new Set(alerts.flatMap(({ expr }) => readsOf(expr).selectors.map(({ name }) => name)));
  expect(known.recorded.filter((name) => !used.has(name))).toEqual([]);
});

test("the values that rules select by exist", () => {
  const values = (wanted: string) =>
    rules.flatMap(({ expr }) =>
      readsOf(expr).selectors.flatMap(({ name, matchers }) =>
        matchers.filter(({ label }) => `${name}.${label}` === wanted).map(({ value }) => value),
      ),
    );
  // As Prometheus 2 writes it, and Prometheus 3.
  expect(new Set(values("checkout_saga_duration_seconds_bucket.le"))).toEqual(new Set(["10|10.0"]));
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
    authorized: true,
    declined: true,
    action_required: true,
    not_found: true,
    no_effect: true,
    pending: true,
    failed: true,
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
    const anchors = new Set([...anchorsOf(runbook)].map((anchor) => `docs/runbook.md#${anchor}`));
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
