// Gives a shopper more time to confirm the payment at the bank. The saga decides (action.ts), under the lock of its row: its deadline,
// the news about the payment and a second press come before or after, never between. Called by api.ts.
import type { ExtendAction } from "../../schemas/http.ts";
import type { Clock } from "../kernel/ports.ts";
import type { Database } from "../messaging/database.ts";
import { append } from "../messaging/outbox.ts";
import { moreTime, type NoMoreTime } from "./action.ts";
import type { SagaPolicy } from "./saga.ts";
import { SagaBatch, type SagaObserver } from "./saga-batch.ts";
import { lockSagas } from "./store.ts";

export type Extension =
  /** Until when the saga waits now, epoch ms; the same for every press after the first. */
  | { readonly kind: "extended"; readonly expiresAt: number }
  | { readonly kind: "refused"; readonly reason: NoMoreTime };

export interface MoreTimeOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly policy: SagaPolicy;
  readonly observer: SagaObserver;
}

/** Null when the user has no such saga. */
export async function extendAction(
  { database, clock, newId, policy, observer }: MoreTimeOptions,
  sagaId: string,
  { user_id }: ExtendAction,
): Promise<Extension | null> {
  const result = await database.transaction(async ({ tx, send, finish, appended }) => {
    const [[saga]] = await send([lockSagas(tx, [sagaId])]);
    if (saga === undefined || saga.user_id !== user_id) {
      await finish([]);
      return null;
    }
    // Read under the lock: a press that had to wait for the lock may be too late.
    const now = clock.now();
    const more = moreTime(saga, now, policy);
    const batch = new SagaBatch([saga]);
    const out = batch.apply(sagaId, { type: "ShopperNeedsTime" }, now, policy);
    const caused = [{ out, traceparent: saga.traceparent }];
    await finish([...batch.save(tx, now), ...append({ tx, appended }, caused, { newId, now })]);
    const extension: Extension = more.kind === "refused" ? more : { kind: "extended", expiresAt: more.until };
    return { batch, extension };
  });
  if (result === null) return null;
  result.batch.notify(observer);
  return result.extension;
}
