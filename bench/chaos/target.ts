// The stack under test: proves that a process is ours before it is touched, sends signals, and restarts ended processes as a service
// manager does.
import { closeSync, existsSync, fstatSync, openSync, readFileSync, readSync } from "node:fs";
import { commandOf, processStats } from "../processes.ts";
import { stackCommand } from "../system.ts";

/** Longer than a broker needs on a busy machine. */
const RUNNING_TIMEOUT_MS = 120_000;
/** systemd's RestartSec in deploy/, minus the time to notice an end. */
const SUPERVISION_MS = 250;
/** More than one log line. */
const LAST_BYTES = 65_536;

interface Process {
  readonly name: string;
  readonly pid: number;
  readonly address: string;
  readonly ports: Readonly<Record<string, number>>;
  readonly exit: string | null;
}

/** The fields of the stack's `state.json` that are used here. */
export interface State {
  readonly supervisor_pid: number;
  readonly servers: readonly Process[];
  readonly roles: readonly Process[];
}

export class Target {
  readonly directory: string;
  /** Processes that must stay down. */
  readonly #down = new Set<string>();
  readonly #restarting = new Map<string, Promise<void>>();
  /** Processes that ended without a fault, by name: how each ended and its last log line. */
  readonly unexpected = new Map<string, readonly string[]>();
  readonly #expected = new Set<string>();
  /** Process ids that got SIGKILL, by name: /proc and the supervisor may still show them for a moment. */
  readonly #killed = new Map<string, number>();
  #supervision: ReturnType<typeof setInterval> | undefined;

  constructor(directory: string) {
    this.directory = directory;
  }

  state(): State {
    const state: State = JSON.parse(readFileSync(`${this.directory}/state.json`, "utf8"));
    return state;
  }

  find(name: string): Process {
    const { servers, roles } = this.state();
    const found = [...servers, ...roles].find((process) => process.name === name);
    if (found === undefined) throw new Error(`there is no ${name} in the stack of ${this.directory}`);
    return found;
  }

  /**
   * The process with this name and all its descendants, proved to be ours: the process is a child of the supervisor of our data
   * directory. Throws if this cannot be proved; nothing is touched then.
   */
  proven(name: string): readonly number[] {
    const { pid } = this.find(name);
    const { supervisor_pid: supervisor } = this.state();
    const command = commandOf(supervisor);
    if (!command.includes("supervisor.ts") || !command.includes(`"dataDirectory":"${this.directory}"`))
      throw new Error(
        `process ${supervisor} is not the supervisor of ${this.directory}: ${name} is not touched`,
      );
    const stats = processStats();
    if (stats.get(pid)?.parent !== supervisor)
      throw new Error(
        `process ${pid} is not the ${name} that our supervisor ${supervisor} started: it is not touched`,
      );
    const family = [pid];
    for (let index = 0; index < family.length; index++)
      for (const [child, { parent }] of stats) if (parent === family[index]) family.push(child);
    return family;
  }

  /**
   * Resolves when the process runs: after an earlier fault it may still be starting while shoppers are already served. Throws on a
   * timeout.
   */
  async running(name: string): Promise<void> {
    const deadline = Date.now() + RUNNING_TIMEOUT_MS;
    // The supervisor notices an end a moment later than the kernel.
    const isGone = () => {
      const { pid, exit } = this.find(name);
      return exit !== null || this.#killed.get(name) === pid || !existsSync(`/proc/${pid}`);
    };
    while (this.#restarting.has(name) || isGone()) {
      if (Date.now() > deadline) throw new Error(`${name} does not start: see bun run stack logs ${name}`);
      await Bun.sleep(SUPERVISION_MS);
    }
  }

  /** Signals the process and all its descendants, so that a paused Postgres has no running backend. */
  signal(name: string, signal: NodeJS.Signals): void {
    const family = this.proven(name);
    if (signal === "SIGKILL") {
      this.#expected.add(name);
      this.#killed.set(name, this.find(name).pid);
    }
    // The parent first, so that it cannot replace or reap the others.
    for (const pid of family) sendIfAlive(pid, signal);
  }

  /** Kills it and keeps it down until `release`. */
  hold(name: string): void {
    this.#down.add(name);
    this.signal(name, "SIGKILL");
  }

  release(name: string): void {
    this.#down.delete(name);
  }

  /** Stops it with SIGTERM and starts it on the same ports. Resolves when it is ready. */
  async restart(name: string): Promise<void> {
    this.#expected.add(name);
    this.proven(name);
    await this.#start(name);
  }

  /** From now on restarts every process that ends, unless it must stay down. */
  supervise(): void {
    this.#supervision = setInterval(() => this.#look(), SUPERVISION_MS);
  }

  /** Resolves when no restart is in progress. */
  async stopSupervising(): Promise<void> {
    clearInterval(this.#supervision);
    await Promise.allSettled(this.#restarting.values());
  }

  /** The names of all processes that are not running. */
  ended(): string[] {
    const { servers, roles } = this.state();
    return [...servers, ...roles].filter(({ exit }) => exit !== null).map(({ name }) => name);
  }

  #look(): void {
    for (const name of this.ended()) {
      if (this.#down.has(name) || this.#restarting.has(name)) continue;
      if (!this.#expected.delete(name))
        this.unexpected.set(name, [...(this.unexpected.get(name) ?? []), this.#lastWords(name)]);
      // The start fails if a needed server is also down; the next check retries.
      this.#start(name).catch(() => this.#expected.add(name));
    }
  }

  #lastWords(name: string): string {
    const log = `${this.directory}/logs/${name}.log`;
    const lastLine = existsSync(log) ? endOf(log).trimEnd().split("\n").at(-1) : undefined;
    return `${this.find(name).exit}; ${lastLine ?? "no log"}`;
  }

  #start(name: string): Promise<void> {
    const starting = stackCommand(["restart", name, "--data-dir", this.directory])
      .then(() => void this.#expected.delete(name))
      .finally(() => this.#restarting.delete(name));
    this.#restarting.set(name, starting);
    return starting;
  }
}

/** Reads only the end, because the log of a long run is large and shoppers wait meanwhile. */
function endOf(file: string): string {
  const descriptor = openSync(file, "r");
  try {
    const bytes = Buffer.alloc(LAST_BYTES);
    const from = Math.max(0, fstatSync(descriptor).size - LAST_BYTES);
    return bytes.toString("utf8", 0, readSync(descriptor, bytes, 0, LAST_BYTES, from));
  } finally {
    closeSync(descriptor);
  }
}

function sendIfAlive(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}
