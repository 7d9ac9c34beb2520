// Applies messages so that a locked row delays only the messages that need it. Normally it waits for locks, in the two round trips
// of inbox-transaction.ts. After a lock timeout it leaves out locked rows and logs who holds the lock. The message processor and
// the retry loop each have their own instance.
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

  /** Throws like `applyFree`; then none of `deliveries` has had an effect. */
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

  /** Once per lock timeout; these are seconds apart. */
  #logLocked({ held, leftOut, applied }: AppliedParts<Type>, error: unknown): void {
    const { log, handler } = this.#context;
    const { service } = handler;
    const fields = { service, ...namesOf(held), set_aside: leftOut.length, applied: applied.length };
    const why = describeError(error);
    if (leftOut.length === 0) log.warn(fields, `a row was locked for a long time and is free again: ${why}`);
    else log.warn(fields, `rows are locked, the messages that want them wait, all others go on: ${why}`);
  }
}
