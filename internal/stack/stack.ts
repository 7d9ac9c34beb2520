// The whole stack, started in order and stopped in reverse: servers, migrations and topics, roles. Called by the supervisor
// behind `stack up`, and directly by tests that want it inside their own process.
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Child, type Signal, describeExit } from "./child.ts";
import { type Control, serveControl } from "./control.ts";
import { tryLock } from "./lock.ts";
import { type Definition, type Managed, start } from "./managed.ts";
import { stackDirectory } from "./paths.ts";
import { type StackPlan, planStack } from "./plan.ts";
import { leasePorts } from "./ports.ts";
import { ensureSecrets } from "./secrets.ts";
import { createTopics, migrate } from "./roles.ts";
import { DATABASES, type ProcessState, type StackAddresses, type StackState, writeState } from "./state.ts";

export interface StackOptions {
  /** Default: STACK_DIR, else .stack in the repository. Data found there is kept. */
  readonly dataDirectory?: string | undefined;
  /** Kafka brokers; default is what the data was made for, else 1. */
  readonly brokers?: 1 | 3 | undefined;
  /** False leaves migrations, topics and roles out. */
  readonly roles?: boolean | undefined;
  /** One Postgres instance each. */
  readonly databases?: readonly string[] | undefined;
  /** Hears of each step when it ends. */
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
  /** The server or role of that name; throws when there is none. */
  find(name: string): Managed;
  restart(name: string): Promise<void>;
  kill(name: string, signal: Signal): void;
  /** Asks every process for its health. */
  state(): Promise<StackState>;
  /** Everything in reverse order. Resolves when no process is left; safe to call twice, and while starting. */
  stop(): Promise<void>;
  /** Resolves when it has been stopped, by whomever. */
  readonly stopped: Promise<void>;
}

/** Resolves when everything is ready. When something fails, stops what was started and throws. `stop` ends it early. */
export async function startStack(options: StackOptions = {}, stop = new AbortController()): Promise<Stack> {
  stop.signal.throwIfAborted();
  const dataDirectory = stackDirectory(options.dataDirectory);
  mkdirSync(dataDirectory, { recursive: true });
  const lock = tryLock(join(dataDirectory, "lock"));
  if (lock === null) throw new Error(`a stack is already running in ${dataDirectory} (bun run stack status)`);

  keepPreviousLogs(dataDirectory);
  const ports = leasePorts(dataDirectory);
  const plan = planStack({
    dataDirectory,
    ports,
    secrets: await ensureSecrets(dataDirectory),
    brokers: options.brokers,
    databases: options.databases ?? DATABASES,
    roles: options.roles ?? true,
  });

  const startedAt = new Date().toISOString();
  const children = new Map<string, Child>();
  const managed = new Map<string, Managed>();
  let phase: StackState["phase"] = "starting";

  const processState = (definition: Definition): ProcessState[] => {
    const child = children.get(definition.name);
    if (child === undefined) return [];
    const exit = child.exit();
    return [
      {
        name: definition.name,
        pid: child.pid,
        address: definition.address,
        ports: definition.ports,
        log_file: definition.logFile,
        exit: exit && describeExit(exit),
      },
    ];
  };
  const snapshot = (): StackState => ({
    version: 1,
    phase,
    data_directory: dataDirectory,
    supervisor_pid: process.pid,
    started_at: startedAt,
    addresses: plan.addresses,
    servers: plan.servers.flatMap(processState),
    roles: plan.roles.flatMap(processState),
  });
  const launch = async (definition: Definition) => {
    stop.signal.throwIfAborted();
    const running = await start(definition, (child) => {
      children.set(definition.name, child);
      // One that came up after the stop had begun would be missed by it.
      if (stop.signal.aborted) child.kill("SIGKILL");
      writeState(snapshot());
      void child.exited.then(() => writeState(snapshot()));
    });
    managed.set(definition.name, running);
  };

  const stopped = Promise.withResolvers<void>();
  let starting: Promise<void> = Promise.resolve();
  const stopAll = async () => {
    phase = "stopping";
    writeState(snapshot());
    const wave = async (definitions: readonly Definition[]) => {
      const present = definitions.flatMap(({ name }) => children.get(name) ?? []);
      await Promise.all(present.map((child) => child.stop()));
    };
    // No new work first; then the roles drain while their servers still answer.
    await wave(plan.roles.filter(({ name }) => name === "gateway"));
    await wave(plan.roles);
    await wave(plan.servers);
    // What was on its way up has been killed by `launch`; this waits until it is gone.
    await starting.catch(() => {});
    phase = "stopped";
    writeState(snapshot());
    ports.release();
    await control.close();
    lock.release();
  };

  const find = (name: string): Managed => {
    const found = managed.get(name);
    if (found === undefined)
      throw new Error(`no ${name} in this stack; there is ${[...managed.keys()].join(", ")}`);
    return found;
  };
  const stack: Stack = {
    dataDirectory,
    addresses: plan.addresses,
    servers: [],
    roles: [],
    find,
    restart: (name) => find(name).restart(),
    kill: (name, signal) => find(name).kill(signal),
    async state() {
      const state = snapshot();
      const asked = (processes: readonly ProcessState[]) =>
        Promise.all(
          processes.map(async (entry) => ({
            ...entry,
            healthy: entry.exit === null && ((await managed.get(entry.name)?.probe()) ?? false),
          })),
        );
      return { ...state, servers: await asked(state.servers), roles: await asked(state.roles) };
    },
    stopped: stopped.promise,
    stop() {
      stop.abort(new Error("the stack was stopped while starting"));
      return stopped.promise;
    },
    [Symbol.asyncDispose]: () => stack.stop(),
  };
  const control: Control = serveControl(dataDirectory, stack);

  writeState(snapshot());
  stop.signal.addEventListener("abort", () => void stopAll().then(stopped.resolve, stopped.reject), {
    once: true,
  });
  try {
    starting = startInOrder(plan, launch, options.report ?? (() => {}));
    await starting;
    stop.signal.throwIfAborted();
  } catch (error) {
    await stack.stop();
    throw error;
  }
  phase = "ready";
  writeState(snapshot());
  return Object.assign(stack, {
    servers: plan.servers.map(({ name }) => find(name)),
    roles: plan.roles.map(({ name }) => find(name)),
  });
}

/** Servers all at once, each followed by what needs only it; the roles when all of that is done. */
async function startInOrder(
  plan: StackPlan,
  launch: (definition: Definition) => Promise<void>,
  report: (step: StackStep) => void,
): Promise<void> {
  const step = async (name: string, work: () => Promise<unknown>) => {
    const begun = performance.now();
    await work();
    report({ name, seconds: (performance.now() - begun) / 1000 });
  };
  const group = (prefix: string) => plan.servers.filter(({ name }) => name.startsWith(prefix));
  const launchAll = (definitions: readonly Definition[]) => allOrFirstError(definitions.map(launch));
  const withRoles = plan.roles.length > 0;

  await allOrFirstError([
    (async () => {
      await step(`Postgres (${group("postgres-").length})`, () => launchAll(group("postgres-")));
      if (withRoles) await step("migrations", () => migrate(plan.context, plan.logFile("migrate")));
    })(),
    (async () => {
      await step(`Kafka (${group("kafka-").length})`, () => launchAll(group("kafka-")));
      if (withRoles) await step("topics", () => createTopics(plan.context, plan.logFile("topics")));
    })(),
    step("Redis", () => launchAll(group("redis"))),
    step("mail catcher", () => launchAll(group("mail"))),
  ]);
  if (withRoles) await step(`roles (${plan.roles.length})`, () => launchAll(plan.roles));
}

/** Like Promise.all, but waits until none is under way any more, so that nothing starts behind the back of a stop. */
async function allOrFirstError(work: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(work);
  for (const result of results) if (result.status === "rejected") throw result.reason;
}

/** The logs of the run before stay readable in logs.previous; older ones go. */
function keepPreviousLogs(dataDirectory: string): void {
  const logs = join(dataDirectory, "logs");
  if (!existsSync(logs)) return;
  rmSync(`${logs}.previous`, { recursive: true, force: true });
  renameSync(logs, `${logs}.previous`);
}
