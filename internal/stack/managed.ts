// A server or role that can be started, probed, killed and restarted. The stack, the status command and the chaos runs all use
// this interface.
import { type Child, type ChildSpec, type Exit, type Signal, startChild } from "./child.ts";

export interface Definition extends ChildSpec {
  /** Its address for clients, as a URL or `host:port`. */
  readonly address: string;
  readonly ports: Readonly<Record<string, number>>;
  /** True when it can serve its clients. */
  readonly probe: () => Promise<boolean>;
  readonly readyTimeoutMs: number;
  /** Runs before every start: data directories, config files. */
  readonly prepare?: () => Promise<void>;
  /** Runs after every start, when the probe is true. */
  readonly whenReady?: () => Promise<void>;
}

export interface Managed {
  readonly name: string;
  readonly address: string;
  readonly ports: Readonly<Record<string, number>>;
  readonly logFile: string;
  /** The process id of the running or the last process. */
  readonly pid: number;
  /** Null while it runs. */
  exit(): Exit | null;
  probe(): Promise<boolean>;
  kill(signal: Signal): void;
  stop(): Promise<Exit>;
  /** Stops it if it is running, starts it on the same ports and waits until it is ready. */
  restart(): Promise<void>;
}

/** Starts it and waits until it is ready. Calls `onSpawn` with every new process, ready or not. */
export async function start(
  definition: Definition,
  onSpawn: (child: Child) => void = () => {},
): Promise<Managed> {
  const launch = async (): Promise<Child> => {
    await definition.prepare?.();
    const child = startChild(definition);
    onSpawn(child);
    try {
      await child.ready(definition.probe, definition.readyTimeoutMs);
      await definition.whenReady?.();
    } catch (error) {
      await child.stop();
      throw error;
    }
    return child;
  };

  let child = await launch();
  return {
    name: definition.name,
    address: definition.address,
    ports: definition.ports,
    logFile: definition.logFile,
    get pid() {
      return child.pid;
    },
    exit: () => child.exit(),
    probe: () => definition.probe().catch(() => false),
    kill: (signal) => child.kill(signal),
    stop: () => child.stop(),
    async restart() {
      await child.stop();
      child = await launch();
    },
  };
}
