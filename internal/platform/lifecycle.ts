// The life cycle of every role's process: flags, config, log, metrics, ops port, start, drain on SIGTERM, exit code, and what
// systemd learns of it. Called by every cmd/<role>/main.ts. Crash-only: an unhandled error is logged once and ends the process with exit code 1. The supervisor
// restarts it; all state is in Postgres and Kafka.
import { type Static, type TObject, Type } from "@sinclair/typebox";
import { version } from "../../package.json";
import { cappedBackoff, withJitter } from "../kernel/backoff.ts";
import { AppError, describeError } from "../kernel/errors.ts";
import { namedValues } from "../kernel/named-values.ts";
import { warnIfExposed } from "./exposure.ts";
import { registerBuildInfo } from "./build-info.ts";
import { certificateMetrics, certificatesIn } from "./certificate-ends.ts";
import { noTracer, type Tracer } from "../kernel/telemetry.ts";
import {
  EXIT_CONFIG,
  ConfigError,
  commonConfig,
  describeConfig,
  parseConfig,
  parseRoleConfig,
  warningsOf,
} from "./config.ts";
import { pause } from "../messaging/pause.ts";
import { createLogger, type Logger } from "./log.ts";
import {
  type KafkaSecuritySettings,
  passingFaults,
  securityFaults,
  securityWarnings,
} from "./kafka/security.ts";
import { Metrics } from "./metrics.ts";
import { OpsServer } from "./ops-http.ts";
import { Resources } from "./resources.ts";
import { openServiceManager, type ServiceManager } from "./service-manager.ts";
import { OpenTelemetry } from "./tracing/tracing.ts";

const EXIT_FAILURE = 1;
const EXIT_USAGE = 2;
const CONNECT_BACKOFF_FIRST_MS = 200;
const CONNECT_BACKOFF_CAP_MS = 5_000;
const LOG_AGAIN_MS = 60_000;

export interface RoleDefinition<Schema extends TObject> {
  /** The binary's name, for example `checkout-inventory`. */
  readonly name: string;
  /** One sentence for `--help`. */
  readonly description: string;
  /** Must spread `commonConfig`. */
  readonly config: Schema;
  /** Faults of settings that are valid one by one but not together, one sentence each, with the way out. */
  readonly faults?: (config: Static<Schema>) => readonly string[];
  /** The settings of each account that the role has in Kafka. Default: one account, by `kafkaConfig`. */
  readonly kafkaAccounts?: (config: Static<Schema>) => readonly KafkaSecuritySettings[];
  /** Opens what the role needs, registers it with `resources`, and returns once the role is ready. */
  readonly start: (context: RoleContext<Static<Schema>>) => Promise<void>;
}

export interface RoleContext<Config> {
  readonly config: Config;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** Records nothing without OTLP_URL. */
  readonly tracer: Tracer;
  readonly ops: OpsServer;
  /** Closed in reverse order of registration when the role stops. */
  readonly resources: Resources;
  /** Aborted when the role begins to stop, after SHUTDOWN_DELAY_MS and before the resources are closed. */
  readonly stopping: AbortSignal;
  /**
   * Waits for a server at start: calls `connect` with growing pauses until it does not throw. Meanwhile /readyz names the server.
   * Throws only when the role stops, or on an error that a retry cannot fix (AppError with `canRetry` false).
   */
  readonly untilReachable: <T>(what: string, connect: () => Promise<T>) => Promise<T>;
}

/** Runs the role until a stop signal, then ends the process. Never returns to the caller. */
export async function runRole<Schema extends TObject>(definition: RoleDefinition<Schema>): Promise<void> {
  answerFlags(definition);
  const config = readConfig(definition);
  const common = parseConfig(definition.name, Type.Object(commonConfig));
  const log = createLogger({ role: definition.name, version, level: common.LOG_LEVEL });
  const kafkaWarnings = accountsOf(definition, config).flatMap((account) => securityWarnings(account));
  for (const warning of new Set([...warningsOf(definition.config), ...kafkaWarnings])) log.warn(warning);
  exitOnUnhandled(log);

  const stop = new AbortController();
  const resources = new Resources();
  const manager = openServiceManager(log);
  const signalled = onSignal(log);
  // A role that still starts stops at once: nobody sends it anything yet.
  const stopStarting = () => stop.abort(STOPPED);
  signalled.addEventListener("abort", stopStarting);
  try {
    const metrics = new Metrics();
    registerBuildInfo(metrics, version);
    certificateMetrics(metrics, certificatesIn(config, accountsOf(definition, config)));
    const ops = resources.use(
      "ops port",
      new OpsServer({ hostname: common.OPS_HOST, port: common.OPS_PORT, metrics }),
    );
    log.info({ ops_port: ops.port }, `${definition.name} is starting`);
    warnIfExposed(log, {
      what: "ops port (/metrics, /readyz)",
      setting: "OPS_HOST",
      host: common.OPS_HOST,
      port: ops.port,
      advice: "it asks nobody who they are, so let only your monitoring reach it",
    });
    const tracer = openTracer(definition.name, { common, metrics, log, resources });
    const start = startProgress({ ops, log, manager, stopping: stop.signal });
    await start.untilReachable("the certificate (KAFKA_CERT_FILE)", () =>
      requireUsable(accountsOf(definition, config)),
    );
    await definition.start({
      config,
      log,
      metrics,
      tracer,
      ops,
      resources,
      stopping: stop.signal,
      untilReachable: start.untilReachable,
    });
    start.done();
    manager.ready();
    log.info({ ops_port: ops.port }, `${definition.name} is ready`);
    signalled.removeEventListener("abort", stopStarting);
    await aborted(signalled);
    ops.addCheck("stopping", () => Promise.reject(new Error("the process is stopping")));
    if (!stop.signal.aborted) {
      manager.stopping(common.SHUTDOWN_DELAY_MS + common.SHUTDOWN_DEADLINE_MS);
      await Bun.sleep(common.SHUTDOWN_DELAY_MS);
      stop.abort(STOPPED);
    }
  } catch (error) {
    if (!stop.signal.aborted) {
      log.fatal({ err: error }, `${definition.name} cannot start: ${describeError(error)}`);
      process.exit(exitCodeOf(error));
    }
  }
  manager.stopping(common.SHUTDOWN_DEADLINE_MS);
  await drain(resources, common.SHUTDOWN_DEADLINE_MS, log);
}

interface TracerParts extends Pick<RoleContext<unknown>, "metrics" | "log" | "resources"> {
  readonly common: { readonly OTLP_URL?: string; readonly OTLP_HEADERS?: string };
}

/** Opened before what the role opens, so that it is closed after it and sends the last spans. */
function openTracer(role: string, { common, metrics, log, resources }: TracerParts): Tracer {
  const { OTLP_URL: url, OTLP_HEADERS: list = "" } = common;
  if (url === undefined) return noTracer;
  const headers = Object.fromEntries(namedValues(list).map(({ name, value }) => [name, value]));
  return resources.use("tracing", new OpenTelemetry({ role, version, url, headers, meter: metrics, log }));
}

function answerFlags(definition: Pick<RoleDefinition<TObject>, "name" | "description" | "config">): void {
  const [flag] = process.argv.slice(2);
  if (flag === undefined) return;
  if (flag === "--version") {
    console.log(`${definition.name} ${version} (Bun ${Bun.version})`);
    process.exit(0);
  }
  const help = [
    `${definition.name} ${version}: ${definition.description}`,
    "",
    `Usage: ${definition.name} [--help | --version]`,
    "",
    "Runs until SIGTERM or SIGINT, then finishes work in flight. A secret can also be a file: its path is in NAME_FILE, or it has the",
    "name in lower case in $CREDENTIALS_DIRECTORY (systemd's LoadCredential). The environment variables:",
    "",
    describeConfig(definition.config),
  ].join("\n");
  if (flag === "--help" || flag === "-h") {
    console.log(help);
    process.exit(0);
  }
  console.error(`${definition.name}: unknown argument; try --help`);
  process.exit(EXIT_USAGE);
}

function readConfig<Schema extends TObject>(definition: RoleDefinition<Schema>): Static<Schema> {
  try {
    const config = parseRoleConfig(definition.name, definition.config);
    const faults = new Set([
      ...accountsOf(definition, config).flatMap((account) => securityFaults(account)),
      ...(definition.faults?.(config) ?? []),
    ]);
    if (faults.size > 0) throw new ConfigError(definition.name, [...faults]);
    return config;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(error.message);
    return process.exit(EXIT_CONFIG);
  }
}

function accountsOf<Schema extends TObject>(
  definition: RoleDefinition<Schema>,
  config: Static<Schema>,
): readonly KafkaSecuritySettings[] {
  return definition.kafkaAccounts?.(config) ?? [config];
}

/** A certificate that expired while the role was down is no reason to stay down: under systemd exit 78 would be for good. */
async function requireUsable(accounts: readonly KafkaSecuritySettings[]): Promise<void> {
  const faults = new Set(accounts.flatMap((account) => passingFaults(account)));
  if (faults.size > 0) throw new AppError("CERTIFICATE_UNUSABLE", [...faults].join("; "));
}

function exitOnUnhandled(log: Logger): void {
  const exit = (error: unknown) => {
    log.fatal({ err: error }, `unhandled: ${describeError(error)}`);
    process.exit(exitCodeOf(error));
  };
  process.on("uncaughtException", exit);
  process.on("unhandledRejection", exit);
}

/** 78 tells the supervisor that a restart does not help. */
function exitCodeOf(error: unknown): number {
  return error instanceof AppError && error.code === "CONFIG_INVALID" ? EXIT_CONFIG : EXIT_FAILURE;
}

const STOPPED = new AppError("SERVICE_UNAVAILABLE", "the role is stopping");

/** Aborted at the first signal; a second one ends the process. */
function onSignal(log: Logger): AbortSignal {
  const first = new AbortController();
  const onFirst = (signal: string) => {
    if (first.signal.aborted) {
      log.warn({ signal }, "the role got a second signal: exiting at once, abandoning work in flight");
      process.exit(EXIT_FAILURE);
    }
    log.info({ signal }, "the role is stopping: finishing work in flight");
    first.abort(STOPPED);
  };
  process.on("SIGTERM", onFirst);
  process.on("SIGINT", onFirst);
  return first.signal;
}

interface StartParts {
  readonly ops: OpsServer;
  readonly log: Logger;
  readonly manager: ServiceManager;
  readonly stopping: AbortSignal;
}

/** A readiness check that is down until the start is done, and names what the role waits for. */
function startProgress({ ops, log, manager, stopping }: StartParts) {
  let waitingFor = "starting";
  ops.addCheck("start", () => Promise.reject(new Error(waitingFor)));
  // A connect may take many seconds to fail. A stop does not wait for it; it ends with the process.
  const stopped = aborted(stopping);
  const untilReachable = async <T>(what: string, connect: () => Promise<T>): Promise<T> => {
    let loggedAt = 0;
    let problem = NO_ANSWER;
    for (let attempt = 0; ; attempt++) {
      stopping.throwIfAborted();
      if (attempt === 0) waitingFor = `waiting for ${what}`;
      try {
        const connecting = connect();
        await Promise.race([connecting, stopped]);
        stopping.throwIfAborted();
        const connected = await connecting;
        if (attempt > 0) log.info({ what, attempts: attempt + 1 }, `${what} ${problem.over}`);
        return connected;
      } catch (error) {
        stopping.throwIfAborted();
        if (error instanceof AppError && !error.canRetry) throw error;
        waitingFor = `waiting for ${what}: ${describeError(error)}`;
        manager.status(waitingFor);
        problem = problemOf(error);
        if (attempt === 0 || (problem.isLasting && performance.now() - loggedAt >= LOG_AGAIN_MS)) {
          loggedAt = performance.now();
          log[problem.isLasting ? "error" : "warn"](
            { what, err: error },
            `${what} ${problem.words}, retrying: ${describeError(error)}`,
          );
        }
        await pause(
          withJitter(cappedBackoff(attempt, CONNECT_BACKOFF_FIRST_MS, CONNECT_BACKOFF_CAP_MS), Math.random()),
          stopping,
        );
      }
    }
  };
  return { untilReachable, done: () => ops.removeCheck("start") };
}

interface Problem {
  readonly words: string;
  /** When it is over. */
  readonly over: string;
  /** It does not pass by itself, so it is logged again and again. */
  readonly isLasting: boolean;
}

const NO_ANSWER: Problem = { words: "does not answer yet", over: "answers", isLasting: false };
const REFUSED: Problem = { words: "refuses this role", over: "answers", isLasting: true };
const UNUSABLE: Problem = { words: "cannot be used", over: "can be used", isLasting: true };

function problemOf(error: unknown): Problem {
  if (!(error instanceof AppError)) return NO_ANSWER;
  if (error.code === "CERTIFICATE_UNUSABLE") return UNUSABLE;
  return error.code === "KAFKA_DENIED" ? REFUSED : NO_ANSWER;
}

/** Closes everything within the deadline and ends the process: exit code 0 on success, else 1 with the failed resource in the log. */
async function drain(resources: Resources, deadlineMs: number, log: Logger): Promise<void> {
  const deadline = setTimeout(() => {
    log.fatal(
      { resource: resources.closing, deadline_ms: deadlineMs },
      `${resources.closing} did not stop in time: exiting anyway`,
    );
    process.exit(EXIT_FAILURE);
  }, deadlineMs);
  const failures = await resources.close();
  clearTimeout(deadline);
  for (const { name, error } of failures)
    log.error({ resource: name, err: error }, `${name} did not close cleanly`);
  log.info("stopped");
  process.exit(failures.length === 0 ? 0 : EXIT_FAILURE);
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
