// Prometheus with the rules of deploy/prometheus, Alertmanager, and a catcher for its notifications, as servers of the stack (`stack up
// --with prometheus`). The set-up fetches the executables (internal/tools/bootstrap.mjs).
import { existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Definition } from "../managed.ts";
import { CACHE, REPOSITORY } from "../paths.ts";
import { alertmanagerConfig, prometheusConfig } from "./prometheus-config.ts";

const READY_TIMEOUT_MS = 20_000;
const EXAMPLES = join(REPOSITORY, "deploy/prometheus");
const PROMETHEUS = join(CACHE, "prometheus-2.42/prometheus");
const ALERTMANAGER = join(CACHE, "alertmanager-0.25/prometheus-alertmanager");
/** The budgets of the dashboards look back 30 days. */
const RETENTION = "31d";
/**
 * Prometheus 2.42 finds its Alertmanager five seconds after its start. What it sends before is dropped, and sent again after this time,
 * else after a minute.
 */
const QUICK_RESEND = "5s";

export interface PrometheusSettings {
  /** Where `slo.yml` and `alerts.yml` lie. Default: deploy/prometheus. */
  readonly rulesFolder?: string;
  /** Scrapes, evaluates and notifies within a second or two, for rules with short durations. */
  readonly everySecond?: boolean;
}

export interface PrometheusOptions extends PrometheusSettings {
  readonly ports: { readonly prometheus: number; readonly alertmanager: number; readonly catcher: number };
  /** `host:port` of every process of a role, by the name of its job. */
  readonly targets: Readonly<Record<string, readonly string[]>>;
  readonly dataDirectory: string;
  readonly logFile: (name: string) => string;
}

/** In start order. */
export function prometheusServers(options: PrometheusOptions): readonly Definition[] {
  return [catcherServer(options), alertmanagerServer(options), prometheusServer(options)];
}

function catcherServer({ ports: { catcher: port }, logFile }: PrometheusOptions): Definition {
  return {
    name: "alerts",
    command: [process.execPath, join(import.meta.dir, "alert-catcher.ts"), String(port)],
    logFile: logFile("alerts"),
    address: `http://127.0.0.1:${port}/alerts`,
    ports: { http: port },
    readyTimeoutMs: READY_TIMEOUT_MS,
    probe: () => answers(`http://127.0.0.1:${port}/healthz`),
  };
}

function alertmanagerServer({ ports, dataDirectory, logFile, everySecond }: PrometheusOptions): Definition {
  const directory = join(dataDirectory, "alertmanager");
  const file = join(directory, "alertmanager.yml");
  const address = `http://127.0.0.1:${ports.alertmanager}`;
  return {
    name: "alertmanager",
    command: [
      ALERTMANAGER,
      `--config.file=${file}`,
      `--storage.path=${join(directory, "data")}`,
      `--web.listen-address=127.0.0.1:${ports.alertmanager}`,
      // It is alone: no port for others.
      "--cluster.listen-address=",
      "--log.level=warn",
    ],
    // Where the set-up makes it look for its templates.
    cwd: dirname(ALERTMANAGER),
    logFile: logFile("alertmanager"),
    address,
    ports: { http: ports.alertmanager },
    readyTimeoutMs: READY_TIMEOUT_MS,
    probe: () => answers(`${address}/-/ready`),
    async prepare() {
      requireExecutable(ALERTMANAGER);
      mkdirSync(directory, { recursive: true });
      const example = await Bun.file(join(EXAMPLES, "alertmanager.yml")).text();
      const catcher = `http://127.0.0.1:${ports.catcher}`;
      await Bun.write(file, alertmanagerConfig(example, catcher, everySecond === true));
    },
  };
}

function prometheusServer(options: PrometheusOptions): Definition {
  const { ports, targets, dataDirectory, logFile, rulesFolder = EXAMPLES, everySecond } = options;
  const directory = join(dataDirectory, "prometheus");
  const file = join(directory, "prometheus.yml");
  const address = `http://127.0.0.1:${ports.prometheus}`;
  return {
    name: "prometheus",
    command: [
      PROMETHEUS,
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(directory, "data")}`,
      `--storage.tsdb.retention.time=${RETENTION}`,
      `--web.listen-address=127.0.0.1:${ports.prometheus}`,
      // Where alerts lead to.
      `--web.external-url=${address}`,
      "--enable-feature=exemplar-storage",
      ...(everySecond === true ? [`--rules.alert.resend-delay=${QUICK_RESEND}`] : []),
      "--log.level=warn",
    ],
    logFile: logFile("prometheus"),
    address,
    ports: { http: ports.prometheus },
    readyTimeoutMs: READY_TIMEOUT_MS,
    probe: () => answers(`${address}/-/ready`),
    async prepare() {
      requireExecutable(PROMETHEUS);
      mkdirSync(directory, { recursive: true });
      const example = await Bun.file(join(EXAMPLES, "prometheus.yml")).text();
      const addresses = { targets, alertmanager: `127.0.0.1:${ports.alertmanager}`, rulesFolder };
      await Bun.write(file, prometheusConfig(example, addresses, everySecond === true));
    },
  };
}

function requireExecutable(file: string): void {
  if (!existsSync(file)) throw new Error(`${file} is missing: run npm run setup`);
}

async function answers(url: string): Promise<boolean> {
  return (await fetch(url, { signal: AbortSignal.timeout(2_000) })).ok;
}
