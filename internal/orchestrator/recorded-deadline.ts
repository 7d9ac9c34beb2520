// What FORWARD_DEADLINE_MS was, as the messages of checkouts tell it: a charge or an authorization says how long its saga still waits, and the saga's first
// command says since when it does. So nobody has to know the setting of an orchestrator that is stopped. Pure; fed by rebuild-run.ts.
import type { Message } from "../../schemas/registry.ts";
import { RecentlyUsed } from "../kernel/recently-used.ts";
import { epochMsOf } from "../kernel/timestamp.ts";

/** Sagas between reservation and payment; there are as many as reservations take time. */
const MAX_SAGAS = 20_000;
/** Different settings, and sagas that were rebuilt before: these got a new deadline. */
const MAX_VALUES = 1_000;

interface Seen {
  readonly count: number;
  /** Epoch ms of the newest payment. */
  readonly newestAt: number;
}

export class RecordedDeadline {
  /** When these sagas began, epoch ms. */
  readonly #begun = new RecentlyUsed<string, number>(MAX_SAGAS);
  /** By value. */
  readonly #seen = new Map<number, Seen>();

  /** Takes the messages of a saga in their order, those of different sagas in any. */
  add(message: Message): void {
    const at = epochMsOf(message.occurred_at);
    if (message.type === "ReserveInventory") this.#begun.set(message.saga_id, at);
    if (message.type !== "ChargePayment" && message.type !== "AuthorizePayment") return;
    if (message.answer_within_ms === undefined) return;
    const begun = this.#begun.get(message.saga_id);
    if (begun === undefined) return;
    const value = message.answer_within_ms + at - begun;
    const known = this.#seen.get(value);
    if (known === undefined && this.#seen.size >= MAX_VALUES) return;
    this.#seen.set(value, {
      count: (known?.count ?? 0) + 1,
      newestAt: Math.max(known?.newestAt ?? at, at),
    });
  }

  /** The newest value that two checkouts had, in milliseconds; of single ones the newest; null if no message has one. */
  get ms(): number | null {
    const values = [...this.#seen];
    const repeated = values.filter(([, { count }]) => count > 1);
    const known = repeated.length > 0 ? repeated : values;
    const [newest] = known.toSorted(([, a], [, b]) => b.newestAt - a.newestAt);
    return newest?.[0] ?? null;
  }
}
