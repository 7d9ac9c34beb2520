// Generates docs/settings.md and docs/metrics.md from what the roles declare and register, so that they always match the code. Run by
// `bun run references`; a test fails if one is stale.
import { devNull } from "node:os";
import { join } from "node:path";
import type { TObject } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { Environment } from "../../cmd/checkoutctl/settings.ts";
import { config as console_ } from "../../cmd/console/config.ts";
import { config as gateway } from "../../cmd/gateway/config.ts";
import { config as inventory } from "../../cmd/inventory/config.ts";
import { config as notification } from "../../cmd/notification/config.ts";
import { config as orchestrator } from "../../cmd/orchestrator/config.ts";
import { config as order } from "../../cmd/order/config.ts";
import { config as payment } from "../../cmd/payment/config.ts";
import { config as paysim } from "../../cmd/paysim/config.ts";
import { config as relay } from "../../cmd/relay/config.ts";
import { consoleMetrics } from "../console/telemetry.ts";
import { tracingMetrics } from "../platform/tracing/otlp-exporter.ts";
import { httpMetrics, streamMetrics } from "../gateway/telemetry.ts";
import { assert } from "../kernel/errors.ts";
import { issuerKeysMetrics } from "../gateway/issuer-keys.ts";
import { limitMetrics } from "../gateway/limits/rate-limits.ts";
import { revocationMetrics } from "../gateway/revocations.ts";
import { accessMetrics } from "../platform/access.ts";
import { consumerLag, consumerMetrics, publisherMetrics, relayMetrics } from "../messaging/telemetry.ts";
import { OpenDeadLetters } from "../operations/open-dead-letters.ts";
import { admissionMetrics } from "../orchestrator/admission.ts";
import { StuckWatch } from "../orchestrator/stuck.ts";
import { cancellationOverdue, sagaTelemetry } from "../orchestrator/telemetry.ts";
import { registerStats } from "../paysim/telemetry.ts";
import { FaultSettings } from "../paysim/faults.ts";
import { Simulator } from "../paysim/simulator.ts";
import { deniedGauge } from "../platform/kafka/watch-access.ts";
import { redisDeniedGauge } from "../platform/watch-redis.ts";
import { refusalsGauge } from "../platform/watch-refusals.ts";
import { registerBuildInfo } from "../platform/build-info.ts";
import { certificateMetrics } from "../platform/certificate-ends.ts";
import { type SettingInWords, settingsOf } from "../platform/config.ts";
import { Metrics } from "../platform/metrics.ts";
import { poolMetrics } from "../platform/pool-metrics.ts";
import { behindGauge } from "../platform/watch-past.ts";
import { rightsGauge } from "../platform/watch-rights.ts";
import { openRedis } from "../platform/redis.ts";
import { inventoryTelemetry } from "../services/inventory/telemetry.ts";
import { notificationMetrics } from "../services/notification/telemetry.ts";
import { orderAlert } from "../services/order/telemetry.ts";
import { WatchedOpener } from "../services/payment/attempts/watched-opener.ts";
import { paymentMetrics } from "../services/payment/telemetry.ts";
import { REPOSITORY } from "../stack/paths.ts";
import { storefrontMetrics } from "../storefront/telemetry.ts";
import { type Role, ROLES } from "../stack/role-env.ts";
import { ignore, noLog } from "../testkit/noop-telemetry.ts";
import { code, table } from "./markdown.ts";

const ROLES_BY_NAME: readonly Role[] = ROLES.toSorted();

export const CONFIGS: Readonly<Record<Role, TObject>> = {
  console: console_,
  gateway,
  inventory,
  notification,
  orchestrator,
  order,
  payment,
  paysim,
  relay,
};

/** The content of docs/settings.md, ending with a newline. */
export function settingsDocument(): string {
  const shared = sharedSettings();
  const sharedRows = shared.map(({ setting, roles }) => [...settingCells(setting), rolesCell(roles)]);
  const sharedNames = new Set(shared.map(({ setting }) => setting.name));
  const perRole = ROLES_BY_NAME.map((role) => {
    const [others, own] = partition(settingsOf(CONFIGS[role]), ({ name }) => sharedNames.has(name));
    const names = others.map(({ name }) => code(name)).join(", ");
    return `## checkout-${role}\n\nShared settings: ${names}. Its own settings:\n\n${table(SETTING_HEAD, own.map(settingCells))}`;
  });
  return `# Settings

<!-- Generated from cmd/*/config.ts and cmd/checkoutctl/settings.ts by \`bun run references\`. Do not edit. -->

A role reads its settings from its environment once, at its start. An empty setting counts as not set. A wrong setting ends the role with
exit 78 and a message with its name, never its value. Secrets are never logged or shown.

A setting marked as secret can also be in a file: name the file in \`NAME_FILE\`, or let systemd put a credential with the setting's name in
lower case, or \`checkout_\` and that name, into \`$CREDENTIALS_DIRECTORY\` (\`LoadCredential=checkout:FOLDER\`, as the packages' units do).
Newlines at the end do not count. A secret that is given twice, a file that is missing, empty or not readable ends the role with exit 78; one
that everybody on the machine can read is a warning in its log. The [runbook](runbook.md) explains how to change settings, under "Changing
things".

## Shared by several roles

These mean the same in each role. A setting with a different meaning per role, such as \`PORT\`, is listed with each role.

${table([...SETTING_HEAD, "roles"], sharedRows)}

${perRole.join("\n\n")}

## checkoutctl

A setting is required only if the command needs it. With \`--stack\` all of them come from a running local stack.

${table(SETTING_HEAD, settingsOf(Environment).map(settingCells))}
`;
}

interface SharedSetting {
  readonly setting: SettingInWords;
  readonly roles: readonly Role[];
}

/** Settings that several roles declare, with the same text in all of them. */
function sharedSettings(): readonly SharedSetting[] {
  const declared = ROLES_BY_NAME.flatMap((role) =>
    settingsOf(CONFIGS[role]).map((setting) => ({ setting, role })),
  );
  return grouped(declared, ({ setting }) => setting.name)
    .filter((group) => group.length > 1 && grouped(group, ({ setting }) => setting).length === 1)
    .map((group) => ({ setting: group[0].setting, roles: group.map(({ role }) => role) }));
}

const SETTING_HEAD = ["name", "meaning", "value", "default", "needed"];

function settingCells({ name, description, value, pattern, isSecret, isRequired, fallback }: SettingInWords) {
  const need = isRequired ? "required" : fallback === undefined ? "optional" : "";
  return [
    code(name),
    description,
    pattern === undefined ? value : `${value} that matches ${code(pattern)}`,
    fallback === undefined ? "" : fallback === "" ? "empty" : code(fallback),
    [need, isSecret ? "secret" : ""].filter(Boolean).join(", "),
  ];
}

/** One place in the code that registers metrics. */
interface Registration {
  /** The file with the names of the metrics. */
  readonly file: string;
  /** Matches the source of exactly those roles that call this place. */
  readonly calls: RegExp;
  /** Registers what that place registers, and opens nothing. */
  readonly register: (metrics: Metrics) => void | Promise<void>;
}

const REGISTRATIONS: readonly Registration[] = [
  // `new Metrics` registers these itself.
  { file: "internal/platform/process-metrics.ts", calls: /\brunRole\(/, register: ignore },
  {
    file: "internal/platform/build-info.ts",
    calls: /\brunRole\(/,
    register: (metrics) => registerBuildInfo(metrics, ""),
  },
  {
    file: "internal/platform/certificate-ends.ts",
    calls: /\brunRole\(/,
    register: (metrics) => certificateMetrics(metrics, []),
  },
  {
    file: "internal/platform/tracing/otlp-exporter.ts",
    calls: /\brunRole\(/,
    register: (metrics) => void tracingMetrics(metrics),
  },
  {
    file: "internal/messaging/telemetry.ts",
    calls: /\bstartConsuming\(/,
    register: (metrics) => void consumerMetrics(metrics),
  },
  {
    file: "internal/messaging/telemetry.ts",
    calls: /\b(startConsuming|consumerLag)\(/,
    register: (metrics) => consumerLag(metrics, "", async () => []),
  },
  {
    file: "internal/platform/kafka/watch-access.ts",
    calls: /\b(startConsuming|openPublishingDatabase|watchAccess)\(/,
    register: (metrics) => deniedGauge(metrics, new Map()),
  },
  {
    file: "internal/platform/watch-redis.ts",
    calls: /\b(startConsuming|watchRedis)\(/,
    register: (metrics) => redisDeniedGauge(metrics, new Map()),
  },
  {
    file: "internal/platform/watch-refusals.ts",
    calls: /\b(openDatabase|openPublishingDatabase|watchRefusals|startDraining)\(/,
    register: (metrics) => refusalsGauge(metrics, new Map()),
  },
  {
    file: "internal/messaging/telemetry.ts",
    calls: /\bopenPublishingDatabase\(/,
    register: (metrics) => void publisherMetrics(metrics),
  },
  {
    file: "internal/messaging/telemetry.ts",
    calls: /\brelayMetrics\(/,
    register: (metrics) => void relayMetrics(metrics),
  },
  {
    file: "internal/gateway/telemetry.ts",
    calls: /\bstreamMetrics\(/,
    register: (metrics) => void streamMetrics(metrics, () => 0),
  },
  {
    file: "internal/gateway/telemetry.ts",
    calls: /\bhttpMetrics\(/,
    register: (metrics) => void httpMetrics(metrics),
  },
  {
    file: "internal/console/telemetry.ts",
    calls: /\bconsoleMetrics\(/,
    register: (metrics) => void consoleMetrics(metrics),
  },
  {
    file: "internal/storefront/telemetry.ts",
    calls: /\bstorefrontMetrics\(/,
    register: (metrics) => void storefrontMetrics(metrics),
  },
  {
    file: "internal/platform/pool-metrics.ts",
    calls: /\b(openDatabase|openPublishingDatabase)\(/,
    register: (metrics) => poolMetrics(metrics, "", () => ({ running: 0, waiting: 0, limit: 0 })),
  },
  {
    file: "internal/platform/watch-rights.ts",
    calls: /\b(openDatabase|openPublishingDatabase|watchRights|startDraining)\(/,
    register: (metrics) => rightsGauge(metrics, new Map()),
  },
  {
    file: "internal/platform/watch-past.ts",
    calls: /\bwatchPast\(/,
    register: (metrics) => behindGauge(metrics, "saga", () => false),
  },
  { file: "internal/platform/redis.ts", calls: /\b(startConsuming|openRedis)\(/, register: registerRedis },
  {
    file: "internal/orchestrator/telemetry.ts",
    calls: /\bsagaTelemetry\(/,
    register: (metrics) => void sagaTelemetry(metrics, noLog, ignore),
  },
  {
    file: "internal/orchestrator/telemetry.ts",
    calls: /\bcancellationOverdue\(/,
    register: (metrics) => void cancellationOverdue(metrics, noLog),
  },
  {
    file: "internal/orchestrator/admission.ts",
    calls: /\badmissionMetrics\(/,
    register: (metrics) => void admissionMetrics(metrics),
  },
  { file: "internal/orchestrator/stuck.ts", calls: /\bnew StuckWatch\(/, register: registerStuckWatch },
  {
    file: "internal/operations/open-dead-letters.ts",
    calls: /\bstartDeadLetterWatch\(/,
    register: registerDeadLetters,
  },
  {
    file: "internal/services/inventory/telemetry.ts",
    calls: /\binventoryTelemetry\(/,
    register: (metrics) => void inventoryTelemetry(metrics),
  },
  {
    file: "internal/platform/access.ts",
    calls: /\bopenAccess\(/,
    register: (metrics) => void accessMetrics(metrics),
  },
  {
    file: "internal/gateway/issuer-keys.ts",
    calls: /\bissuerKeysMetrics\(/,
    register: (metrics) => void issuerKeysMetrics(metrics),
  },
  {
    file: "internal/gateway/limits/rate-limits.ts",
    calls: /\blimitMetrics\(/,
    register: (metrics) => void limitMetrics(metrics),
  },
  {
    file: "internal/gateway/revocations.ts",
    calls: /\brevocationMetrics\(/,
    register: (metrics) => void revocationMetrics(metrics),
  },
  {
    file: "internal/services/payment/telemetry.ts",
    calls: /\bpaymentMetrics\(/,
    register: (metrics) => void paymentMetrics(metrics),
  },
  {
    file: "internal/services/payment/attempts/watched-opener.ts",
    calls: /\bnew WatchedOpener\(/,
    register: registerOpener,
  },
  {
    file: "internal/services/order/telemetry.ts",
    calls: /\borderAlert\(/,
    register: (metrics) => void orderAlert(metrics, noLog),
  },
  {
    file: "internal/services/notification/telemetry.ts",
    calls: /\bnotificationMetrics\(/,
    register: (metrics) => void notificationMetrics(metrics),
  },
  { file: "internal/paysim/telemetry.ts", calls: /\bregisterStats\(/, register: registerPaysim },
];

/** openRedis registers its metrics before it parses the address, and opens nothing with an invalid address. */
function registerRedis(metrics: Metrics): void {
  try {
    openRedis({ url: "no address", log: noLog, metrics });
  } catch (error) {
    if (error instanceof TypeError) return;
    throw error;
  }
}

function registerStuckWatch(meter: Metrics): void {
  const clock = { now: () => 0 };
  void new StuckWatch({
    afterMs: 0,
    find: async () => [],
    countNeedy: async () => ({ sagas: 0, cancellations: 0 }),
    clock,
    log: noLog,
    meter,
  });
}

function registerDeadLetters(meter: Metrics): void {
  const read = () => {
    throw new Error("reads nothing");
  };
  void new OpenDeadLetters({ read, handled: async () => new Set(), clock: { now: () => 0 }, meter });
}

function registerOpener(meter: Metrics): void {
  const open = () => Promise.reject(new Error("opens nothing"));
  void new WatchedOpener({ open, clock: { now: () => 0 }, meter, onUnopened: ignore });
}

async function registerPaysim(metrics: Metrics): Promise<void> {
  await using simulator = new Simulator({
    ledgerFile: devNull,
    keyLifetimeMs: 0,
    seed: 0,
    faults: Value.Parse(FaultSettings, { latency: "fixed:0" }),
    clock: { now: () => 0 },
    webhooks: { url: "", secret: "" },
  });
  registerStats(metrics, simulator);
}

/** A metric as the role exposes it. */
export interface RegisteredMetric {
  readonly name: string;
  readonly type: string;
  readonly labels: readonly string[];
  readonly help: string;
  readonly file: string;
  readonly roles: readonly Role[];
}

/** Source text by role, without tests. */
export type RoleSources = ReadonlyMap<Role, string>;

export async function readRoleSources(): Promise<RoleSources> {
  const entries = ROLES_BY_NAME.map(async (role) => {
    const files = [...new Bun.Glob(`cmd/${role}/*.ts`).scanSync(REPOSITORY)];
    const sources = files.filter((file) => !file.endsWith(".test.ts"));
    const texts = await Promise.all(sources.map((file) => Bun.file(join(REPOSITORY, file)).text()));
    return [role, texts.join("\n")] as const;
  });
  return new Map(await Promise.all(entries));
}

/** Every metric of every role, in the order of the registrations. */
export async function registeredMetrics(sources: RoleSources): Promise<readonly RegisteredMetric[]> {
  const ofProcess = new Set(metricsIn(new Metrics()).map(({ name }) => name));
  const found = await Promise.all(
    REGISTRATIONS.map(async ({ file, calls, register }) => {
      const roles = ROLES_BY_NAME.filter((role) => calls.test(sources.get(role) ?? ""));
      assert(roles.length > 0, `no role calls ${calls.source}: fix REGISTRATIONS in references.ts`);
      const metrics = new Metrics();
      await register(metrics);
      const isProcess = register === ignore;
      const made = metricsIn(metrics).filter(({ name }) => ofProcess.has(name) === isProcess);
      return made.map((metric) => ({ ...metric, file, roles }));
    }),
  );
  const looks = ({ name, type, labels, help, file }: RegisteredMetric) => [name, type, labels, help, file];
  return grouped(found.flat(), looks).map((group) => ({
    ...group[0],
    roles: group.flatMap(({ roles }) => roles).toSorted(),
  }));
}

function metricsIn({ registry }: Metrics) {
  return registry.getMetricsAsArray().map((metric) => {
    // The client's type omits the labels.
    assert(
      "labelNames" in metric && Array.isArray(metric.labelNames),
      `${metric.name} has no list of labels`,
    );
    return { name: metric.name, type: metric.type, labels: metric.labelNames.map(String), help: metric.help };
  });
}

/** The content of docs/metrics.md, ending with a newline. */
export async function metricsDocument(sources: RoleSources): Promise<string> {
  const metrics = await registeredMetrics(sources);
  const ofAll = metrics.filter(({ roles }) => roles.length === ROLES.length);
  const shared = metrics.filter(({ roles }) => roles.length > 1 && roles.length < ROLES.length);
  const sharedRows = shared.map((metric) => [...metricCells(metric), rolesCell(metric.roles)]);
  const perRole = ROLES_BY_NAME.flatMap((role) => {
    const own = metrics.filter(({ roles }) => roles.length === 1 && roles[0] === role);
    return own.length === 0 ? [] : [`## checkout-${role}\n\n${table(METRIC_HEAD, own.map(metricCells))}`];
  });
  return `# Metrics

<!-- Generated from what the roles register by \`bun run references\`. Do not edit. -->

Every role exposes its metrics on \`GET /metrics\` of its \`OPS_PORT\`, in the Prometheus text format, with the names below. A histogram has
the series \`NAME_bucket\`, \`NAME_sum\` and \`NAME_count\`. The [runbook](runbook.md) says which metrics to watch and what to do, under
"What to watch".

## Shared by all roles

${table(METRIC_HEAD, ofAll.map(metricCells))}

## Shared by several roles

${table([...METRIC_HEAD, "roles"], sharedRows)}

${perRole.join("\n\n")}
`;
}

const METRIC_HEAD = ["name", "type", "labels", "meaning", "registered in"];

function metricCells({ name, type, labels, help, file }: RegisteredMetric): readonly string[] {
  return [code(name), type, labels.map(code).join(", "), help, code(file)];
}

function rolesCell(roles: readonly Role[]): string {
  return roles.length === ROLES.length ? "all" : roles.join(", ");
}

/** Groups values with equal keys, in the order of the first value of each group. */
function grouped<T>(values: readonly T[], keyOf: (value: T) => unknown): readonly (readonly [T, ...T[]])[] {
  const groups = new Map<string, [T, ...T[]]>();
  for (const value of values) {
    const key = JSON.stringify(keyOf(value));
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [value]);
    else group.push(value);
  }
  return [...groups.values()];
}

/** The values for which `isFirst` is true, and the others. */
function partition<T>(values: readonly T[], isFirst: (value: T) => boolean): readonly [T[], T[]] {
  return [values.filter((value) => isFirst(value)), values.filter((value) => !isFirst(value))];
}
