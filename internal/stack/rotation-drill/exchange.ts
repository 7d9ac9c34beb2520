// What an exchange of a drill is, and what it leaves. The exchanges are in files of their own, by kind of secret.
import type { Arena } from "./arena.ts";

export interface Exchange {
  /** For --only. */
  readonly name: string;
  readonly secret: string;
  /** The settings that have it, by their names; none for what is in files of a server. */
  readonly settings: readonly string[];
  /** The section of docs/runbook.md that it walks through. */
  readonly page: string;
  /** How long the old and the new one count together. */
  readonly both: string;
  /** Throws with the reason if a step failed. */
  readonly run: (arena: Arena) => Promise<void>;
}

/** An exchange that is over. Times in epoch ms. */
export interface Exchanged {
  readonly exchange: Exchange;
  readonly from: number;
  readonly until: number;
  /** What was done, in order. */
  readonly steps: readonly string[];
  readonly fault?: string;
}
