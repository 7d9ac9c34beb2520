// One child process of the stack: it cannot outlive us, logs to a file, and is stopped with a deadline. Every server and every
// role is started here.
//
// No process may be left behind, even if this process is killed with -9, so the kernel does it: PR_SET_PDEATHSIG (set by setpriv
// after any change of user, which would clear it) sends a signal to the child when the thread that spawned it dies; Bun spawns on
// the main thread. If we die between fork and prctl, the signal never comes. So the child checks after the prctl that we are still
// its parent.
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { waitUntil } from "./wait.ts";

const SIGNALS = ["SIGTERM", "SIGINT", "SIGQUIT", "SIGKILL", "SIGSTOP", "SIGCONT", "SIGHUP"] as const;
export type Signal = (typeof SIGNALS)[number];

export interface ChildSpec {
  readonly name: string;
  readonly command: readonly string[];
  /** The environment. Only PATH, HOME, the locale and OPTIMIZE_AFTER are inherited, so that a run does not depend on the shell. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly logFile: string;
  /** Only as root: run as this user. */
  readonly user?: UnixUser | undefined;
  /** The stop signal. Postgres needs SIGINT: on SIGTERM it waits until all clients have left. */
  readonly stopSignal?: Signal;
  /** It is killed after this time. */
  readonly stopDeadlineMs?: number;
  /** The signal from the kernel when we die. SIGQUIT lets Postgres free its shared memory. */
  readonly deathSignal?: "KILL" | "QUIT" | "TERM";
}

export interface UnixUser {
  readonly uid: number;
  readonly gid: number;
}

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | number | null;
}

export interface Child {
  readonly name: string;
  readonly pid: number;
  readonly logFile: string;
  readonly exited: Promise<Exit>;
  /** Null while it runs. */
  exit(): Exit | null;
  kill(signal: Signal): void;
  /** Sends the stop signal, and kills it at the deadline. Safe to call twice, and after it has died. */
  stop(): Promise<Exit>;
  /** Waits until `probe` is true; throws with the end of the log if the process dies first or on a timeout. */
  ready(probe: () => Promise<boolean> | boolean, timeoutMs: number): Promise<void>;
}

const PARENT_CHECK = '[ "$PPID" = "$1" ] || exit 125; shift; exec "$@"';

/** The command line that ties `command` to this process; see the file header. */
export function tiedToUs(command: readonly string[], user?: UnixUser, deathSignal = "KILL"): string[] {
  const identity = user ? [`--reuid=${user.uid}`, `--regid=${user.gid}`, "--clear-groups"] : [];
  const guard = ["sh", "-c", PARENT_CHECK, "sh", String(process.pid)];
  return ["setpriv", ...identity, "--pdeathsig", deathSignal, "--", ...guard, ...command];
}

/**
 * Tells JavaScriptCore, the engine of Bun, how often code runs before it is optimized. The tests set it: most of their processes end before
 * optimizing pays. A third of the CPU of a start of checkoutctl went into it.
 */
export const OPTIMIZE_AFTER = "BUN_JSC_thresholdForOptimizeAfterWarmUp";

/** Whether most of what we start ends before optimizing its code pays, as in tests. */
export function isSeldomOptimized(): boolean {
  return process.env[OPTIMIZE_AFTER] !== undefined;
}

/** Our PATH, HOME, locale and OPTIMIZE_AFTER, plus `env`. Without BUN_OPTIONS and BUN_BE_BUN, which would change compiled binaries. */
export function cleanEnvironment(env: Readonly<Record<string, string>> = {}): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const name of ["PATH", "HOME", "LANG", "TZ", "TMPDIR", OPTIMIZE_AFTER]) {
    const value = process.env[name];
    if (value !== undefined) kept[name] = value;
  }
  return { ...kept, ...env };
}

export function startChild(spec: ChildSpec): Child {
  mkdirSync(dirname(spec.logFile), { recursive: true });
  const log = openSync(spec.logFile, "a");
  // Its own session, so that Ctrl-C only reaches us and we stop the children in order.
  const spawned = Bun.spawn(tiedToUs(spec.command, spec.user, spec.deathSignal), {
    env: cleanEnvironment(spec.env),
    ...(spec.cwd === undefined ? {} : { cwd: spec.cwd }),
    stdio: ["ignore", log, log],
    detached: true,
  });
  closeSync(log);

  const exit = (): Exit | null =>
    spawned.exitCode === null && spawned.signalCode === null
      ? null
      : { code: spawned.exitCode, signal: spawned.signalCode };
  const exited = spawned.exited.then(() => exit() ?? { code: null, signal: null });

  let stopping: Promise<Exit> | undefined;
  const stop = async () => {
    if (exit() === null) spawned.kill(spec.stopSignal ?? "SIGTERM");
    const deadline = setTimeout(() => spawned.kill("SIGKILL"), spec.stopDeadlineMs ?? 10_000);
    const status = await exited;
    clearTimeout(deadline);
    return status;
  };

  return {
    name: spec.name,
    pid: spawned.pid,
    logFile: spec.logFile,
    exited,
    exit,
    kill: (signal) => spawned.kill(signal),
    stop: () => (stopping ??= stop()),
    async ready(probe, timeoutMs) {
      const died = exited.then((status) => {
        throw new Error(`exited with ${describeExit(status)}`);
      });
      try {
        await waitUntil("readiness", probe, { timeoutMs, abort: died });
      } catch (error) {
        throw new Error(
          `${spec.name} did not become ready; end of ${spec.logFile}:\n${logTail(spec.logFile)}`,
          {
            cause: error,
          },
        );
      }
    },
  };
}

/** Runs a short command to its end, also tied to this process. Throws with the end of its log unless it exits 0. */
export async function runToEnd(spec: ChildSpec): Promise<void> {
  const child = startChild(spec);
  const status = await child.exited;
  if (status.code !== 0) {
    throw new Error(
      `${spec.name} failed with ${describeExit(status)}; end of ${spec.logFile}:\n${logTail(spec.logFile)}`,
    );
  }
}

/** Accepts both `SIGKILL` and `KILL`; throws on unknown signals. */
export function parseSignal(text: string): Signal {
  const found = SIGNALS.find((signal) => signal === text || signal === `SIG${text}`);
  if (found === undefined) throw new Error(`${text} is not one of ${SIGNALS.join(", ")}`);
  return found;
}

export function describeExit({ code, signal }: Exit): string {
  return signal === null ? `exit code ${code}` : `signal ${signal}`;
}

/** The last lines of a log. */
export function logTail(file: string, lines = 15): string {
  try {
    return readFileSync(file, "utf8").trimEnd().split("\n").slice(-lines).join("\n");
  } catch {
    return "(no log)";
  }
}
