// One of the solutions that are compared, as the load and the killer see it; and what the three have in common.
import type { ProviderLedgerEntry } from "../../schemas/provider-ledger.ts";
import type { ProcessGroup } from "../processes.ts";
import type { Shopper } from "../shopper.ts";
import type { Books } from "./losses.ts";

export interface Contestant extends AsyncDisposable {
  readonly shoppers: readonly Shopper[];
  /** Its processes that can be killed; servers are not among them. */
  readonly roles: readonly string[];
  /** All that run now, servers and stand-ins for outside parties too. */
  processes(): Promise<readonly ProcessGroup[]>;
  restock(skus: readonly string[], count: number): Promise<void>;
  /** Sends SIGKILL and starts it again a moment later. Resolves when it is ready. */
  killAndRestart(role: string): Promise<void>;
  /** Answers when the order is complete, not when the checkout is accepted. */
  readonly answersLast: boolean;
  /** How many checkouts are under way. */
  open(): Promise<number>;
  /** What its ledger call a checkout: its shopper's Idempotency-Key, or the id that the shopper was given for it, if any. */
  checkoutOf(key: string, id: string | null): string | null;
  /** When each order was complete, in epoch ms, by its checkout. */
  completions(): Promise<ReadonlyMap<string, number>>;
  /** All but what was accepted. */
  books(skus: readonly string[]): Promise<Omit<Books, "accepted">>;
  /** The auditor's word; null where there is none for this solution. */
  audit(): Promise<boolean | null>;
}

export interface ContestantOptions {
  /** Where its stack lies; wiped at the end. */
  readonly directory: string;
  /** Of the provider. */
  readonly latency: string;
  /** False: a baseline charges without a key of the checkout's. */
  readonly withKeys: boolean;
  /** Hears of a stack that starts, to take it down when the comparison is interrupted. */
  readonly opened: (opened: AsyncDisposable) => void;
}

/** Processes that play outside parties: the provider and the mail server. */
export const STAND_INS: ReadonlySet<string> = new Set(["paysim", "mail"]);

/** Of every SKU, per run: nothing sells out. */
export const STOCK = 1_000_000;
export const PRICE_CENTS = 1_250;
/** What a service manager takes to notice and start again (RestartSec in deploy/). */
export const RESTART_DELAY_MS = 250;

export async function readLedger(paysim: string): Promise<ProviderLedgerEntry[]> {
  const text = await (await fetch(`${paysim}/_sim/ledger`)).text();
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line): ProviderLedgerEntry => JSON.parse(line));
}
