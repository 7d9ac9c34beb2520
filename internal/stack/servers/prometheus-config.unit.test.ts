// What is generated from the examples of deploy/prometheus keeps jobs, rules and routes.
import { expect, test } from "bun:test";
import { join } from "node:path";
import { REPOSITORY } from "../paths.ts";
import { alertmanagerConfig, prometheusConfig } from "./prometheus-config.ts";

const example = (name: string) => Bun.file(join(REPOSITORY, "deploy/prometheus", name)).text();
const ADDRESSES = {
  targets: { "checkout-payment": ["127.0.0.1:1", "127.0.0.1:2"] },
  alertmanager: "127.0.0.1:3",
  rulesFolder: "/rules",
};

test("the jobs of the example get the addresses of this stack", async () => {
  const config: unknown = JSON.parse(prometheusConfig(await example("prometheus.yml"), ADDRESSES, false));
  expect(config).toMatchObject({
    global: { scrape_interval: "15s", evaluation_interval: "15s" },
    rule_files: ["/rules/slo.yml", "/rules/alerts.yml"],
    alerting: { alertmanagers: [{ static_configs: [{ targets: ["127.0.0.1:3"] }] }] },
  });
  expect(config).toHaveProperty(
    "scrape_configs",
    expect.arrayContaining([
      { job_name: "checkout-payment", static_configs: [{ targets: ["127.0.0.1:1", "127.0.0.1:2"] }] },
      { job_name: "checkout-gateway", static_configs: [{ targets: [] }] },
    ]),
  );
});

test("a drill scrapes each second and tells at once", async () => {
  const config = JSON.parse(prometheusConfig(await example("prometheus.yml"), ADDRESSES, true));
  expect(config.global).toEqual({ scrape_interval: "1s", evaluation_interval: "1s" });
  const { route } = JSON.parse(alertmanagerConfig(await example("alertmanager.yml"), "http://c", true));
  expect([route, ...route.routes].map(({ group_wait }) => group_wait)).toEqual(["0s", "0s", "0s"]);
});

test("the routes of the example lead to webhooks of the same names", async () => {
  const { route, receivers } = JSON.parse(
    alertmanagerConfig(await example("alertmanager.yml"), "http://c", false),
  );
  expect(
    route.routes.map(({ receiver, matchers }: { receiver: string; matchers: string[] }) => [
      receiver,
      ...matchers,
    ]),
  ).toEqual([
    ["watchdog", "alertname = Watchdog"],
    ["pages", "severity = page"],
  ]);
  expect(receivers).toContainEqual({
    name: "pages",
    webhook_configs: [{ url: "http://c/pages", send_resolved: true }],
  });
  expect(receivers).toHaveLength(3);
});
