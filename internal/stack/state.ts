// What a running stack is: its processes and addresses, as `stack status --json` prints them and as `state.json` in the data
// directory holds them. checkoutctl, the benchmarks and the tests find everything through this.
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** An instance of Postgres each. */
export const DATABASES = ["saga", "inventory", "payment", "order", "notification"] as const;

export interface StackState {
  readonly version: 1;
  /** `stopped`: no server and no role is left. The supervisor writes it and then ends itself (supervisor.ts). */
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
  /** Null while the process runs, else for example `signal SIGKILL`. */
  readonly exit: string | null;
  /** Whether it answered when the status was asked for; absent in state.json, which is written on changes only. */
  readonly healthy?: boolean;
}

export interface StackAddresses {
  /** Connection URLs by database name. */
  readonly postgres: Readonly<Record<string, string>>;
  /** Comma-separated `host:port`. */
  readonly kafka_brokers: string;
  readonly redis: string;
  readonly smtp: string;
  /** `GET /mails` lists what was sent. */
  readonly mail: string;
  readonly gateway: string;
  readonly orchestrator: string;
  readonly inventory: string;
  /** The webhook endpoint is below it. */
  readonly payment: string;
  readonly paysim: string;
  /** The provider simulator's append-only ledger. */
  readonly ledger_file: string;
  /** Development secrets of this data directory; see secrets.ts. */
  readonly secrets_file: string;
  /** Every process of the roles that serve requests, by role: the one above is the first of them. */
  readonly replicas: Readonly<Record<string, readonly string[]>>;
  /** Where each process of a role answers /healthz, /readyz and /metrics, by its name. */
  readonly ops: Readonly<Record<string, string>>;
}

export function stateFile(dataDirectory: string): string {
  return join(dataDirectory, "state.json");
}

/** Replaces the file in one step, so that a reader never sees half of it. */
export function writeState(state: StackState): void {
  const file = stateFile(state.data_directory);
  writeFileSync(`${file}.new`, `${JSON.stringify(state, null, 2)}\n`);
  renameSync(`${file}.new`, file);
}

/** The last state written, whether or not the stack still runs; null when there never was one. */
export function readState(dataDirectory: string): StackState | null {
  try {
    const state: StackState = JSON.parse(readFileSync(stateFile(dataDirectory), "utf8"));
    return state;
  } catch {
    return null;
  }
}
