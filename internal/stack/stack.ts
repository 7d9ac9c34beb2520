// Starts the whole stack in order and stops it in reverse: servers, migrations and topics, roles. Called by the supervisor of `stack up`,
// and directly by tests that run it inside their own process.
import { appendFileSync, existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describeError } from "../kernel/errors.ts";
import { allEnded } from "../messaging/side-by-side.ts";
import { kafkaOptions } from "../platform/kafka/connection.ts";
import type { Signal } from "./child.ts";
import { alreadyRunningText, serveControl } from "./control.ts";
import { tryLock } from "./lock.ts";
import type { Definition, Managed } from "./managed.ts";
import { stackDirectory } from "./paths.ts";
import { type Advertised, ledgerFile, type StackPlan, planStack } from "./plan.ts";
import { leasePorts } from "./ports.ts";
import { Processes } from "./processes.ts";
import { type Replicas, roleOf } from "./replicas.ts";
import { type Changes, deploySettings, payPalFolder, type RoleOverrides } from "./role-env.ts";
import type { Routes } from "./routes.ts";
import { ensureSecrets } from "./secrets.ts";
import { applyAccess, createTopics, migrate } from "./roles.ts";
import { certificatesFolder, ensureKafkaCertificates } from "./secure/kafka-certificates.ts";
import { makeDatabaseRoles } from "./secure/database-roles.ts";
import { ensurePayPalCertificates } from "./secure/paypal-certificates.ts";
import { ensureServerCertificates } from "./secure/server-certificates.ts";
import { warmUpKafka } from "./servers/kafka-warm-up.ts";
import type { PrometheusSettings } from "./servers/prometheus.ts";
import { DATABASES, type StackAddresses, type StackState, writeState } from "./state.ts";

export interface StackOptions {
  /** Default: STACK_DIR, else .stack in the repository. Existing data is kept. */
  readonly dataDirectory?: string | undefined;
  /** Number of Kafka brokers. Default: the number that the data on disk is for, else 1. */
  readonly brokers?: 1 | 3 | undefined;
  /** False: no migrations, topics and roles. */
  readonly roles?: boolean | undefined;
  /** False: the brokers stay cold; see kafka-warm-up.ts. They always do without roles. */
  readonly warmUp?: boolean | undefined;
  /** The number of processes per role; default is 1. */
  readonly replicas?: Replicas | undefined;
  /** Environment variables of roles that differ from role-env.ts. */
  readonly overrides?: RoleOverrides | undefined;
  /** Asked before each start of a role: settings that differ from the plan's by now, as after a secret was exchanged. Not in a supervisor. */
  readonly changes?: Changes | undefined;
  /** Ports of proxies between the roles and the servers or roles that they call. */
  readonly routes?: Routes | undefined;
  /** Ports of proxies in front of the brokers, which the brokers advertise to clients or to other brokers. */
  readonly advertised?: Advertised | undefined;
  /** Encrypted connections to Kafka, Postgres and Redis, one account per role, and what it may do there. Default: with CHECKOUT_SECURE=1, if there are roles. */
  readonly secure?: boolean | undefined;
  /** Kafka also has a listener for clients with a password. Only with `secure`. Default: not. */
  readonly kafkaPasswords?: boolean | undefined;
  /** Redis gets a replica, and three Sentinels that promote the replica when the master is gone; the roles follow them. Default: not. */
  readonly sentinel?: boolean | undefined;
  /** Ports of proxies in front of the two Redis servers, which the Sentinels tell to everybody. */
  readonly announced?: readonly number[] | undefined;
  /** Also starts Prometheus and Alertmanager. Default: not. */
  readonly prometheus?: PrometheusSettings | undefined;
  /** One Postgres instance each. */
  readonly databases?: readonly string[] | undefined;
  /** Those of them that have a synchronous standby. Once one has, it always has. Default: none. */
  readonly standbys?: readonly string[] | undefined;
  /** Called at the end of each step. */
  readonly report?: ((step: StackStep) => void) | undefined;
}

export interface StackStep {
  readonly name: string;
  readonly seconds: number;
}

export interface Stack extends AsyncDisposable {
  readonly dataDirectory: string;
  readonly addresses: StackAddresses;
  readonly servers: readonly Managed[];
  readonly roles: readonly Managed[];
  /** The server or role with that name; throws if there is none. */
  find(name: string): Managed;
  restart(name: string): Promise<void>;
  kill(name: string, signal: Signal): void;
  /** Checks the health of every process. */
  state(): Promise<StackState>;
  /** Stops everything in reverse order. Resolves when no process is left. May be called twice, and during the start. */
  stop(): Promise<void>;
  /** Resolves when the stack is stopped, by any caller. */
  readonly stopped: Promise<void>;
}

/** Resolves when everything is ready. If something fails, stops what was started and throws. `signal` stops the stack at any time. */
export async function startStack(options: StackOptions = {}, signal?: AbortSignal): Promise<Stack> {
  signal?.throwIfAborted();
  const dataDirectory = stackDirectory(options.dataDirectory);
  mkdirSync(dataDirectory, { recursive: true });
  const lock = tryLock(join(dataDirectory, "lock"));
  if (lock === null) throw new Error(alreadyRunningText(dataDirectory));
  await using held = new AsyncDisposableStack();
  held.defer(() => lock.release());
  keepPreviousLogs(dataDirectory);
  const ports = leasePorts(dataDirectory);
  held.defer(() => ports.release());
  const certificates = isSecure(options) ? certificatesFolder(dataDirectory) : undefined;
  if (certificates !== undefined) {
    await ensureKafkaCertificates(certificates);
    await ensureServerCertificates(certificates);
  }
  if (options.roles ?? true) await ensurePayPalCertificates(payPalFolder(ledgerFile(dataDirectory)));
  const plan = planStack({
    dataDirectory,
    certificates,
    ports,
    secrets: await ensureSecrets(dataDirectory),
    brokers: options.brokers,
    kafkaPasswords: options.kafkaPasswords ?? false,
    databases: options.databases ?? DATABASES,
    standbys: options.standbys,
    roles: options.roles ?? true,
    replicas: options.replicas ?? {},
    overrides: options.overrides ?? {},
    changes: options.changes,
    routes: options.routes ?? {},
    advertised: options.advertised ?? {},
    prometheus: options.prometheus,
    sentinel: options.sentinel ?? false,
    announced: options.announced ?? [],
  });
  const stack = new RunningStack(dataDirectory, plan, options.warmUp ?? true);
  const control = serveControl(dataDirectory, stack);
  held.defer(() => control.close());
  // From here on the stack itself releases these when its last process is gone.
  const kept = held.move();
  void stack.processesGone
    .then(() => kept.disposeAsync())
    .then(stack.finished.resolve, stack.finished.reject);
  signal?.addEventListener("abort", () => void stack.stop(signal.reason));
  if (signal?.aborted === true) void stack.stop(signal.reason);
  await stack.start(options.report ?? (() => {}));
  return stack;
}

/** The switch for whoever starts a stack without naming its options: the e2e tests, the demo, the benchmarks. */
function isSecure({ secure, roles }: StackOptions): boolean {
  return secure ?? (roles !== false && process.env["CHECKOUT_SECURE"] === "1");
}

class RunningStack implements Stack {
  readonly dataDirectory: string;
  /** Settled by startStack when locks, ports and socket are free again. */
  readonly finished = Promise.withResolvers<void>();
  readonly processesGone: Promise<void>;
  readonly #plan: StackPlan;
  readonly #warmUp: boolean;
  readonly #stop = new AbortController();
  readonly #processes: Processes;
  readonly #startedAt = new Date().toISOString();
  #phase: StackState["phase"] = "starting";
  #starting: Promise<void> = Promise.resolve();

  constructor(dataDirectory: string, plan: StackPlan, warmUp: boolean) {
    this.dataDirectory = dataDirectory;
    this.#plan = plan;
    this.#warmUp = warmUp;
    this.#processes = new Processes(this.#stop.signal, () => writeState(this.#snapshot()));
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.processesGone = promise;
    this.#stop.signal.addEventListener("abort", () => void this.#stopInOrder().then(resolve, reject));
  }

  get addresses(): StackAddresses {
    return this.#plan.addresses;
  }
  get servers(): readonly Managed[] {
    return this.#servers.map(({ name }) => this.find(name));
  }
  get roles(): readonly Managed[] {
    return this.#plan.roles.map(({ name }) => this.find(name));
  }
  get stopped(): Promise<void> {
    return this.finished.promise;
  }
  get #servers(): readonly Definition[] {
    return [...this.#plan.servers, ...this.#plan.watchers];
  }

  async start(report: (step: StackStep) => void): Promise<void> {
    try {
      this.#stop.signal.throwIfAborted();
      this.#enter("starting");
      this.#starting = startInOrder(this.#plan, {
        launch: (definition) => this.#processes.launch(definition),
        report,
        signal: this.#stop.signal,
        warmUp: this.#warmUp,
      });
      await this.#starting;
      this.#stop.signal.throwIfAborted();
    } catch (error) {
      // During a stop, children end before they are ready; that is not the reason.
      const reason: unknown = this.#stop.signal.aborted ? this.#stop.signal.reason : error;
      await this.stop();
      throw reason;
    }
    this.#enter("ready");
  }

  async #stopInOrder(): Promise<void> {
    this.#enter("stopping");
    // First who would tell that the others are gone. Then the gateways, so that no new work comes. Then the roles drain while their servers still answer.
    await this.#processes.stop(this.#plan.watchers);
    await this.#processes.stop(this.#plan.roles.filter(({ name }) => roleOf(name) === "gateway"));
    await this.#processes.stop(this.#plan.roles);
    await this.#processes.stop(this.#plan.servers);
    // Processes that were still starting are killed as they appear; this waits until they are gone.
    await this.#starting.catch(() => {});
    this.#enter("stopped");
  }

  stop(reason: unknown = new Error("the stack was stopped while starting")): Promise<void> {
    this.#stop.abort(reason);
    return this.stopped;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  find(name: string): Managed {
    return this.#processes.find(name);
  }

  restart(name: string): Promise<void> {
    return this.find(name).restart();
  }

  kill(name: string, signal: Signal): void {
    this.find(name).kill(signal);
  }

  async state(): Promise<StackState> {
    const [servers, roles] = await Promise.all([
      this.#processes.askedStates(this.#servers),
      this.#processes.askedStates(this.#plan.roles),
    ]);
    return { ...this.#snapshot(), servers, roles };
  }

  #enter(phase: StackState["phase"]): void {
    this.#phase = phase;
    writeState(this.#snapshot());
  }

  #snapshot(): StackState {
    return {
      version: 1,
      phase: this.#phase,
      data_directory: this.dataDirectory,
      supervisor_pid: process.pid,
      started_at: this.#startedAt,
      addresses: this.addresses,
      servers: this.#processes.states(this.#servers),
      roles: this.#processes.states(this.#plan.roles),
    };
  }
}

interface Starting {
  readonly launch: (definition: Definition) => Promise<void>;
  readonly report: (step: StackStep) => void;
  /** Aborted when the stack must stop. */
  readonly signal: AbortSignal;
  readonly warmUp: boolean;
}

/**
 * Starts all servers at once, each followed by the steps that need only it, and then the roles. Waits for all of them even if one fails, so
 * that nothing starts unnoticed during a stop.
 */
async function startInOrder(plan: StackPlan, { launch, report, signal, warmUp }: Starting): Promise<void> {
  const step = async (name: string, work: () => Promise<unknown>) => {
    const begun = performance.now();
    await work();
    report({ name, seconds: (performance.now() - begun) / 1000 });
  };
  const group = (prefix: string) => plan.servers.filter(({ name }) => name.startsWith(prefix));
  const launchAll = (definitions: readonly Definition[]) => allEnded(definitions.map(launch));
  const withRoles = plan.roles.length > 0;

  await allEnded([
    (async () => {
      await step(`Postgres (${group("postgres-").length})`, () => launchAll(group("postgres-")));
      if (!withRoles) return;
      if (plan.addresses.certificates !== undefined)
        await step("database roles", () => makeDatabaseRoles(plan.context));
      await step("migrations", () => migrate(plan.context, plan.logFile("migrate")));
    })(),
    (async () => {
      await step(`Kafka (${group("kafka-").length})`, () => launchAll(group("kafka-")));
      if (!withRoles) return;
      if (plan.addresses.certificates !== undefined)
        await step("access lists", () => applyAccess(plan.context, plan.logFile("access")));
      await step("topics", () => createTopics(plan.context, plan.logFile("topics")));
      if (!warmUp) return;
      await step("Kafka warm-up", () =>
        // Without it only the first checkouts are slower.
        warmUpKafka(kafkaOptions(deploySettings(plan.addresses), "warm-up"), signal).catch((error: unknown) =>
          appendFileSync(plan.logFile("warm-up"), `the brokers stay cold: ${describeError(error)}\n`),
        ),
      );
    })(),
    (async () => {
      await step("Redis", () => launchAll(group("redis")));
      const sentinels = group("sentinel-");
      if (sentinels.length > 0) await step(`Sentinels (${sentinels.length})`, () => launchAll(sentinels));
    })(),
    step("mail catcher", () => launchAll(group("mail"))),
  ]);
  if (withRoles) await step(`roles (${plan.roles.length})`, () => launchAll(plan.roles));
  if (plan.watchers.length > 0) await step("Prometheus", () => launchAll(plan.watchers));
}

/** Moves the logs of the previous run to logs.previous; deletes older ones. */
function keepPreviousLogs(dataDirectory: string): void {
  const logs = join(dataDirectory, "logs");
  if (!existsSync(logs)) return;
  rmSync(`${logs}.previous`, { recursive: true, force: true });
  renameSync(logs, `${logs}.previous`);
}
