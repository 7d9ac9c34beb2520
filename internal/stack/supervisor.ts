// The background process that owns a stack. `launchSupervisor` starts it from the command line, the demo and the benchmarks; run
// directly, this file is the supervisor itself.
//
// Until it is released, it stops everything when the process that launched it ends. Its children always die with it (child.ts). So
// a kill leaves nothing behind at any moment.
import { closeSync, existsSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import { commandOf } from "../../bench/processes.ts";
import { runningStack, requestStop } from "./control.ts";
import { stackDirectory } from "./paths.ts";
import { type StackOptions, type StackStep, startStack } from "./stack.ts";
import { readState, type StackState } from "./state.ts";
import { waitUntil } from "./wait.ts";

const STOP_TIMEOUT_MS = 90_000;
const LAST_WORD_MS = 1_000;

type Message =
  | { readonly kind: "step"; readonly step: StackStep }
  | { readonly kind: "ready" }
  | { readonly kind: "failed"; readonly reason: string };

export interface Supervisor {
  readonly dataDirectory: string;
  /** Resolves when everything is ready. Rejects with the reason if the start fails; nothing is left running then. */
  readonly ready: Promise<StackState>;
  /** Lets the supervisor outlive this process. Resolves when the supervisor has confirmed. */
  release(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a stack in a separate process. */
export function launchSupervisor({ report, ...options }: StackOptions): Supervisor {
  const dataDirectory = stackDirectory(options.dataDirectory);
  mkdirSync(dataDirectory, { recursive: true });
  const log = openSync(join(dataDirectory, "supervisor.log"), "a");
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const disconnected = Promise.withResolvers<void>();
  let failure: string | undefined;
  const child = Bun.spawn(
    [process.execPath, import.meta.path, JSON.stringify({ ...options, dataDirectory })],
    {
      stdio: ["ignore", log, log],
      // Its own session, so that Ctrl-C and hang-up of the terminal reach it only through us.
      detached: true,
      onDisconnect: () => disconnected.resolve(),
      ipc(message: Message) {
        if (message.kind === "step") report?.(message.step);
        else if (message.kind === "ready") resolve();
        else failure = message.reason;
      },
    },
  );
  closeSync(log);
  // Reject only after the exit: the caller may continue at once, but the directory belongs to the supervisor until it has ended.
  void child.exited.then(async (code) => {
    // Its last message may still be in transit.
    await Promise.race([disconnected.promise, Bun.sleep(LAST_WORD_MS)]);
    const ended = `the supervisor ended with ${code ?? child.signalCode}; see ${dataDirectory}/supervisor.log`;
    reject(new Error(failure ?? ended));
  });
  const ready = promise.then(async () => {
    const state = await runningStack(dataDirectory);
    if (state === null) throw new Error(`the stack in ${dataDirectory} does not answer`);
    return state;
  });
  return {
    dataDirectory,
    ready,
    async release() {
      child.send("release");
      await disconnected.promise;
      child.unref();
    },
    async stop() {
      child.kill("SIGTERM");
      await child.exited;
    },
  };
}

/** Stops the stack in this directory, however it was started. False if there is none. */
export async function stopRunning(dataDirectory: string): Promise<boolean> {
  const state = await runningStack(dataDirectory);
  if (state !== null) {
    await requestStop(dataDirectory);
    // The supervisor ends after its last child.
    const gone = () => !existsSync(`/proc/${state.supervisor_pid}`);
    await waitUntil("the stack has stopped", gone, { timeoutMs: STOP_TIMEOUT_MS });
    return true;
  }
  // A supervisor that no longer answers may still be stopping and hold the directory's lock.
  if (supervisorOf(dataDirectory) === null) return false;
  await untilSupervisorLeft(dataDirectory);
  return true;
}

/**
 * Resolves when no supervisor of this directory is left. `phase: "stopped"` in state.json comes a moment earlier, because the
 * supervisor writes it itself.
 */
function untilSupervisorLeft(dataDirectory: string): Promise<void> {
  return waitUntil("the supervisor has ended", () => supervisorOf(dataDirectory) === null, {
    timeoutMs: STOP_TIMEOUT_MS,
  });
}

/** The process id of the supervisor that wrote the directory's state; null if it has ended. */
function supervisorOf(dataDirectory: string): number | null {
  const pid = readState(dataDirectory)?.supervisor_pid;
  // Process ids are reused, so check that the command names the directory.
  const isAlive = pid !== undefined && pid !== process.pid && commandOf(pid).includes(dataDirectory);
  return isAlive ? pid : null;
}

if (import.meta.main) {
  const options: StackOptions = JSON.parse(Bun.argv[2] ?? "{}");
  await supervise(options);
}

async function supervise(options: StackOptions): Promise<never> {
  const stop = new AbortController();
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
    process.on(signal, () => stop.abort(new Error(`stopped by ${signal}`)));
  }
  let released = false;
  process.on("message", () => {
    released = true;
    process.disconnect?.();
  });
  process.on("disconnect", () => {
    if (!released) stop.abort(new Error("the process that launched the stack has ended"));
  });
  try {
    const stack = await startStack(
      { ...options, report: (step) => send({ kind: "step", step }) },
      stop.signal,
    );
    send({ kind: "ready" });
    await stack.stopped;
    process.exit(0);
  } catch (error) {
    console.error(error);
    send({ kind: "failed", reason: reasonOf(error) });
    process.exit(1);
  }
}

function send(message: Message): void {
  process.send?.(message);
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
