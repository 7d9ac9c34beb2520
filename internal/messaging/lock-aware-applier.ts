// Applies messages and never lets a locked row stop those that do not want it. While all is well it waits for locks, in the two
// round trips of inbox-transaction.ts; after a wait that was in vain it leaves out what is locked, and says in the log by whom. Used by the
// message processor and by the retry loop, each with its own.
import type { MessageType } from "../../schemas/registry.ts";
import { describeError } from "../kernel/errors.ts";
import type { Delivery } from "./delivery.ts";
import {
  type Alongside,
  applyFree,
  applyOnce,
  type InboxContext,
  type AppliedParts,
} from "./inbox-transaction.ts";
import { namesOf } from "./held-rows.ts";
import { LockCaution } from "./lock-caution.ts";
import type { Log } from "../kernel/telemetry.ts";

export class LockAwareApplier<Type extends MessageType, Rows> {
  readonly #context: InboxContext<Type, Rows> & { readonly log: Log };
  readonly #caution = new LockCaution();

  constructor(context: InboxContext<Type, Rows> & { readonly log: Log }) {
    this.#context = context;
  }

  /** Throws as `applyFree` does, and nothing of `deliveries` has happened then. */
  async apply(
    deliveries: readonly Delivery<Type>[],
    alongside?: Alongside<Type>,
  ): Promise<AppliedParts<Type>> {
    const { clock, database } = this.#context;
    const begunAt = clock.now();
    if (this.#caution.isWary(begunAt)) return applyFree(this.#context, deliveries, alongside);
    try {
      const fresh = await applyOnce(this.#context, deliveries, alongside);
      this.#caution.wentThrough(begunAt);
      return { applied: deliveries, fresh, leftOut: [], held: [] };
    } catch (error) {
      if (database.faultOf(error) !== "locked") throw error;
      this.#caution.waitedInVain(begunAt, clock.now());
      const effect = await applyFree(this.#context, deliveries, alongside);
      this.#logLocked(effect, error);
      return effect;
    }
  }

  /** Once for each wait that was in vain, which are seconds apart. */
  #logLocked({ held, leftOut, applied }: AppliedParts<Type>, error: unknown): void {
    const { log, handler } = this.#context;
    const { service } = handler;
    const fields = { service, ...namesOf(held), set_aside: leftOut.length, went_on: applied.length };
    const why = describeError(error);
    if (leftOut.length === 0) log.warn(fields, `a row was locked for long and is free again: ${why}`);
    else log.warn(fields, `rows are locked, the messages that want them wait, all others go on: ${why}`);
  }
}
