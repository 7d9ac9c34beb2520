// The stack under attack: proves that a process is ours before anything is done to it, sends signals, and keeps it alive between
// faults as a service manager would, which restarts whatever ends.
import { closeSync, existsSync, fstatSync, openSync, readFileSync, readSync } from "node:fs";
import { commandOf, processStats } from "../processes.ts";
import { stackCommand } from "../system.ts";

/** Longer than a broker takes on a busy machine. */
const RUNNING_TIMEOUT_MS = 120_000;
/** systemd's RestartSec in deploy/, less what it takes to notice. */
const SUPERVISION_MS = 250;
/** More than a line of log. */
const LAST_BYTES = 65_536;

interface Process {
  readonly name: string;
  readonly pid: number;
  readonly ports: Readonly<Record<string, number>>;
  readonly exit: string | null;
}

/** What `state.json` of the stack holds, as far as it matters here. */
export interface State {
  readonly supervisor_pid: number;
  readonly servers: readonly Process[];
  readonly roles: readonly Process[];
}

export class Target {
  readonly directory: string;
  /** Kept down on purpose. */
  readonly #down = new Set<string>();
  readonly #restarting = new Map<string, Promise<void>>();
  /** What ended without a fault that asked for it, by name: how it ended and its last line of log, each time. */
  readonly unexpected = new Map<string, readonly string[]>();
  readonly #expected = new Set<string>();
  /** Process ids that were sent SIGKILL, by name: /proc and the supervisor may still show them for a moment. */
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
    if (found === undefined) throw new Error(`no ${name} in the stack of ${this.directory}`);
    return found;
  }

  /**
   * The process of that name and all its descendants, proved to be ours: the process is a child of the supervisor that works
   * for our data directory, and for no other. Throws where that cannot be shown; then nothing has been touched.
   */
  proven(name: string): readonly number[] {
    const { pid } = this.find(name);
    const { supervisor_pid: supervisor } = this.state();
    const command = commandOf(supervisor);
    if (!command.includes("supervisor.ts") || !command.includes(`"dataDirectory":"${this.directory}"`))
      throw new Error(
        `process ${supervisor} is not the supervisor of ${this.directory}: nothing is done to ${name}`,
      );
    const stats = processStats();
    if (stats.get(pid)?.parent !== supervisor)
      throw new Error(
        `process ${pid} is not the ${name} that our supervisor ${supervisor} started: nothing is done`,
      );
    const family = [pid];
    for (let index = 0; index < family.length; index++)
      for (const [child, { parent }] of stats) if (parent === family[index]) family.push(child);
    return family;
  }

  /**
   * Resolves when the process runs: one that an earlier fault has ended may still be on its way up when shoppers are served again.
   * Throws where it does not come.
   */
  async running(name: string): Promise<void> {
    const deadline = Date.now() + RUNNING_TIMEOUT_MS;
    // The supervisor hears of an end a moment after it; until then only the kernel knows.
    const isGone = () => {
      const { pid, exit } = this.find(name);
      return exit !== null || this.#killed.get(name) === pid || !existsSync(`/proc/${pid}`);
    };
    while (this.#restarting.has(name) || isGone()) {
      if (Date.now() > deadline) throw new Error(`${name} does not come up: see bun run stack logs ${name}`);
      await Bun.sleep(SUPERVISION_MS);
    }
  }

  /** To the process and all its descendants: a paused Postgres is one whose every backend stands still. */
  signal(name: string, signal: NodeJS.Signals): void {
    const family = this.proven(name);
    if (signal === "SIGKILL") {
      this.#expected.add(name);
      this.#killed.set(name, this.find(name).pid);
    }
    // The parent first: it must not replace or bury what is about to be signalled.
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

  /** SIGTERM, then a start on the same ports. Resolves when it is ready. */
  async restart(name: string): Promise<void> {
    this.#expected.add(name);
    this.proven(name);
    await this.#start(name);
  }

  /** From now on what ends is started again, unless it is held down. */
  supervise(): void {
    this.#supervision = setInterval(() => this.#look(), SUPERVISION_MS);
  }

  /** Resolves when no restart is under way. */
  async stopSupervising(): Promise<void> {
    clearInterval(this.#supervision);
    await Promise.allSettled(this.#restarting.values());
  }

  /** Names of processes that are not running, held down or not. */
  ended(): string[] {
    const { servers, roles } = this.state();
    return [...servers, ...roles].filter(({ exit }) => exit !== null).map(({ name }) => name);
  }

  #look(): void {
    for (const name of this.ended()) {
      if (this.#down.has(name) || this.#restarting.has(name)) continue;
      if (!this.#expected.delete(name))
        this.unexpected.set(name, [...(this.unexpected.get(name) ?? []), this.#lastWords(name)]);
      // It may fail where what it needs is away, too; the next look tries again.
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

/** A long run's log is large, and shoppers wait meanwhile. */
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
