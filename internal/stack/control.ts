// The Unix socket through which the command line controls a running stack. It belongs to the process that has the data directory's lock.
// The stack serves it; status, down, restart and kill are its clients.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { type Signal, parseSignal } from "./child.ts";
import { runtimeDirectory } from "./paths.ts";
import type { StackState } from "./state.ts";

/**
 * The restart of a role while Kafka is down takes longer than the ten seconds after which Bun closes the connection by default. On a
 * Unix socket Bun 1.4.5 respects only this setting (not a request's `server.timeout`), and its types do not have it.
 */
const PATIENT: object = { idleTimeout: 0 };

export interface Control {
  close(): Promise<void>;
}

/** What the command line can do with a stack. */
export interface Controlled {
  state(): Promise<StackState>;
  restart(name: string): Promise<void>;
  kill(name: string, signal: Signal): void;
  stop(): Promise<void>;
}

export function serveControl(dataDirectory: string, stack: Controlled): Control {
  const path = socketPath(dataDirectory);
  rmSync(path, { force: true });
  const server = Bun.serve({
    unix: path,
    ...PATIENT,
    routes: {
      "/state": async () => Response.json(await stack.state()),
      "/restart/:name": { POST: ({ params }) => answer(() => stack.restart(params.name)) },
      "/kill/:name/:signal": {
        POST: ({ params }) => answer(() => stack.kill(params.name, parseSignal(params.signal))),
      },
      "/stop": {
        POST: () => {
          void stack.stop();
          return new Response(null, { status: 202 });
        },
      },
    },
  });
  return {
    async close() {
      await server.stop(true);
      rmSync(path, { force: true });
    },
  };
}

async function answer(work: () => Promise<void> | void): Promise<Response> {
  try {
    await work();
    return new Response(null, { status: 204 });
  } catch (error) {
    return new Response(error instanceof Error ? error.message : String(error), { status: 409 });
  }
}

/** The state of the stack that runs in this directory, or null if none runs. */
export async function runningStack(dataDirectory: string): Promise<StackState | null> {
  try {
    const state: StackState = JSON.parse(await (await call(dataDirectory, "GET", "/state")).text());
    return state;
  } catch {
    return null;
  }
}

export async function requestStop(dataDirectory: string): Promise<void> {
  await call(dataDirectory, "POST", "/stop");
}

export async function requestRestart(dataDirectory: string, name: string): Promise<void> {
  await call(dataDirectory, "POST", `/restart/${name}`);
}

export async function requestKill(dataDirectory: string, name: string, signal: Signal): Promise<void> {
  await call(dataDirectory, "POST", `/kill/${name}/${signal}`);
}

/** Nothing serves the socket of this directory. */
export class NotRunning extends Error {
  constructor(dataDirectory: string, cause: unknown) {
    super(notRunningText(dataDirectory), { cause });
  }
}

export function notRunningText(dataDirectory: string): string {
  return `no stack is running in ${dataDirectory}; start one with npm run stack up`;
}

export function alreadyRunningText(dataDirectory: string): string {
  return `a stack is already running in ${dataDirectory} (npm run stack status shows it)`;
}

/** Without a socket, or with one that a killed stack has left. */
const NOBODY = new Set(["ENOENT", "ECONNREFUSED", "FailedToOpenSocket"]);

async function call(dataDirectory: string, method: string, path: string): Promise<Response> {
  const asking = fetch(`http://stack${path}`, { method, unix: socketPath(dataDirectory) });
  const response = await asking.catch((error: unknown) => {
    const isNobody = error instanceof Error && "code" in error && NOBODY.has(String(error.code));
    throw isNobody ? new NotRunning(dataDirectory, error) : error;
  });
  if (!response.ok) throw new Error(await response.text());
  return response;
}

function socketPath(dataDirectory: string): string {
  return join(runtimeDirectory(), `control-${Bun.hash(dataDirectory).toString(16)}.sock`);
}
