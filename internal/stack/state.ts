// The state of a stack: its processes and addresses, as in `stack status --json` and in `state.json` in the data directory. Used by
// checkoutctl, the benchmarks and the tests.
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Each has its own Postgres instance. */
export const DATABASES = ["saga", "inventory", "payment", "order", "notification"] as const;

export interface StackState {
  readonly version: 1;
  /** `stopped`: no server and no role is left. The supervisor writes it and then ends (supervisor.ts). */
  readonly phase: "starting" | "ready" | "stopping" | "stopped";
  readonly data_directory: string;
  readonly supervisor_pid: number;
  readonly started_at: string;
  readonly addresses: StackAddresses;
  readonly servers: readonly ProcessState[];
  readonly roles: readonly ProcessState[];
}

export interface ProcessState {
  readonly name: string;
  readonly pid: number;
  readonly address: string;
  readonly ports: Readonly<Record<string, number>>;
  readonly log_file: string;
  /** Null while the process runs, otherwise for example `signal SIGKILL`. */
  readonly exit: string | null;
  /** Whether it passed its probe at the time of the status; absent in state.json, which is only written on changes. */
  readonly healthy?: boolean;
}

export interface StackAddresses {
  /** Connection URLs by database name. */
  readonly postgres: Readonly<Record<string, string>>;
  /** Comma-separated `host:port`. */
  readonly kafka_brokers: string;
  /** Only of a secure stack: the folder with the certificates and keys of all servers and accounts. */
  readonly certificates?: string;
  readonly redis: string;
  /** Only of a stack with Sentinels: REDIS_SENTINELS; of a secure one, for the administrator. */
  readonly redis_sentinels?: string;
  readonly smtp: string;
  /** `GET /mails` lists the sent mails. */
  readonly mail: string;
  readonly gateway: string;
  /** The operators' console. */
  readonly console: string;
  readonly orchestrator: string;
  readonly inventory: string;
  readonly order: string;
  /** The base URL of the webhook endpoint. */
  readonly payment: string;
  /** The payment service's internal API. */
  readonly payment_internal: string;
  readonly paysim: string;
  /** Only of a stack with Prometheus. */
  readonly alertmanager?: string;
  /** The provider simulator's append-only ledger. */
  readonly ledger_file: string;
  /** Development secrets of this data directory; see secrets.ts. */
  readonly secrets_file: string;
  /** The addresses of all processes of the serving roles, by role; the first is the address above. */
  readonly replicas: Readonly<Record<string, readonly string[]>>;
  /** The address of /healthz, /readyz and /metrics of each role process, by its name. */
  readonly ops: Readonly<Record<string, string>>;
}

export function stateFile(dataDirectory: string): string {
  return join(dataDirectory, "state.json");
}

/** Replaces the file atomically, so that a reader never sees half of it. */
export function writeState(state: StackState): void {
  const file = stateFile(state.data_directory);
  // A secure stack's addresses hold passwords.
  writeFileSync(`${file}.new`, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

/** The last written state, even if the stack no longer runs; null if there is none. */
export function readState(dataDirectory: string): StackState | null {
  try {
    const state: StackState = JSON.parse(readFileSync(stateFile(dataDirectory), "utf8"));
    return state;
  } catch {
    return null;
  }
}

/** The console's address with the name that its cookies need in every browser. */
export function forBrowsers(address: string): string {
  return address.replace("127.0.0.1", "localhost");
}
