// The interface of a compared solution for the load and the kills, and the constants of all three.
import type { ProcessGroup } from "../processes.ts";
import type { Shopper } from "../shopper.ts";
import type { Records } from "./losses.ts";

export interface Contestant extends AsyncDisposable {
  readonly shoppers: readonly Shopper[];
  /** Its processes that can be killed; without servers. */
  readonly roles: readonly string[];
  /** All running processes, including servers and stand-ins for outside parties. */
  processes(): Promise<readonly ProcessGroup[]>;
  restock(skus: readonly string[], count: number): Promise<void>;
  /** Sends SIGKILL and restarts it a moment later. Resolves when it is ready. */
  killAndRestart(role: string): Promise<void>;
  /** True if it answers when the order is complete, not when the checkout is accepted. */
  readonly answersLast: boolean;
  /** The number of checkouts in progress. */
  open(): Promise<number>;
  /** The name of a checkout in its records: the Idempotency-Key, or the id that the shopper got, if any. */
  checkoutOf(key: string, id: string | null): string | null;
  /** When each order was complete, in epoch ms, by checkout. */
  completions(): Promise<ReadonlyMap<string, number>>;
  /** All records except the accepted checkouts. */
  records(skus: readonly string[]): Promise<Omit<Records, "accepted">>;
  /** True if the audit is clean; null if this solution has no auditor. */
  audit(): Promise<boolean | null>;
}

export interface ContestantOptions {
  /** The data directory of its stack; wiped at the end. */
  readonly directory: string;
  /** The provider's latency. */
  readonly latency: string;
  /** False: a baseline charges without the checkout's idempotency key. */
  readonly withKeys: boolean;
  /** Called with a starting stack, to dispose of it when the comparison is interrupted. */
  readonly opened: (opened: AsyncDisposable) => void;
}

/** Processes that simulate outside parties: the provider and the mail server. */
export const STAND_INS: ReadonlySet<string> = new Set(["paysim", "mail"]);

/** The stock of every SKU per run; nothing sells out. */
export const STOCK = 1_000_000;
export const PRICE_CENTS = 1_250;
/** The time in which a service manager notices an end and restarts (RestartSec in deploy/). */
export const RESTART_DELAY_MS = 250;
