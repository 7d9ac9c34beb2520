// The configuration of the stack's Prometheus and Alertmanager, made from the examples in deploy/prometheus, so that the local stack runs
// what operators are given: same jobs, rules and routes, other addresses. Written as JSON, which is YAML too. Called by prometheus.ts.
import { type Static, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";

const Targets = Type.Object({
  static_configs: Type.Array(Type.Object({ targets: Type.Array(Type.String()) })),
});
const PrometheusExample = Type.Object({
  global: Type.Object({ scrape_interval: Type.String(), evaluation_interval: Type.String() }),
  rule_files: Type.Array(Type.String()),
  alerting: Type.Object({ alertmanagers: Type.Array(Targets) }),
  scrape_configs: Type.Array(Type.Intersect([Type.Object({ job_name: Type.String() }), Targets])),
});

const Route = Type.Object({
  receiver: Type.String(),
  matchers: Type.Optional(Type.Array(Type.String())),
  group_by: Type.Optional(Type.Array(Type.String())),
  group_wait: Type.Optional(Type.String()),
  group_interval: Type.Optional(Type.String()),
  repeat_interval: Type.Optional(Type.String()),
});
const AlertmanagerExample = Type.Object({
  route: Type.Composite([Route, Type.Object({ routes: Type.Array(Route) })]),
  receivers: Type.Array(Type.Object({ name: Type.String() })),
});

export interface PrometheusAddresses {
  /** `host:port` of every process of a role, by the name of its job. */
  readonly targets: Readonly<Record<string, readonly string[]>>;
  readonly alertmanager: string;
  /** Where the rule files lie. */
  readonly rulesFolder: string;
}

/** `everySecond`: scrapes and evaluates each second, for rules with short durations (alerts:drill). */
export function prometheusConfig(
  example: string,
  { targets, alertmanager, rulesFolder }: PrometheusAddresses,
  everySecond: boolean,
): string {
  const parsed = Value.Parse(PrometheusExample, Bun.YAML.parse(example));
  const config: Static<typeof PrometheusExample> = {
    global: everySecond ? { scrape_interval: "1s", evaluation_interval: "1s" } : parsed.global,
    rule_files: parsed.rule_files.map((file) => `${rulesFolder}/${file}`),
    alerting: { alertmanagers: [{ static_configs: [{ targets: [alertmanager] }] }] },
    scrape_configs: parsed.scrape_configs.map(({ job_name }) => ({
      job_name,
      static_configs: [{ targets: [...(targets[job_name] ?? [])] }],
    })),
  };
  return JSON.stringify(config, null, 2);
}

/** Every receiver becomes a webhook `CATCHER/RECEIVER`. `atOnce`: each alert is told by itself, without waiting for others. */
export function alertmanagerConfig(example: string, catcher: string, atOnce: boolean): string {
  const { route, receivers } = Value.Parse(AlertmanagerExample, Bun.YAML.parse(example));
  // `...` groups by all labels.
  const quick = { group_by: ["..."], group_wait: "0s", group_interval: "1s", repeat_interval: "1h" };
  const routes = atOnce ? route.routes.map((each) => ({ ...each, ...quick })) : route.routes;
  return JSON.stringify(
    {
      route: { ...route, ...(atOnce ? quick : {}), routes },
      receivers: receivers.map(({ name }) => ({
        name,
        webhook_configs: [{ url: `${catcher}/${name}`, send_resolved: true }],
      })),
    },
    null,
    2,
  );
}
