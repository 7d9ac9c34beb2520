// The faults of the mail catcher: slow, deferring recipients, rate-limited, or rejecting the sender. Pure: clock and chance are
// arguments. Set over HTTP (`PUT /faults`) by the chaos runs; called by mail-catcher.ts.
import { Type } from "@sinclair/typebox";

export const MailFaults = Type.Object(
  {
    /** The reply delay per recipient. */
    delay_ms: Type.Optional(Type.Integer({ minimum: 0, maximum: 60_000 })),
    /** The share of recipients that get a temporary rejection. */
    later_share: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
    /** Maximum mails per second. */
    per_second: Type.Optional(Type.Integer({ minimum: 1 })),
    /** Every sender is rejected, like by a server that no longer accepts us. */
    refuses: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);
export interface MailFaults {
  readonly delay_ms?: number;
  readonly later_share?: number;
  readonly per_second?: number;
  readonly refuses?: boolean;
}

export interface Reply extends Error {
  readonly responseCode: number;
}

export class FaultyMailServer {
  faults: MailFaults = {};
  #second = 0;
  #taken = 0;

  /** The reply to a sender; null if accepted. */
  sender(): Reply | null {
    return this.faults.refuses === true ? reply(550, "5.7.60 you may not send here") : null;
  }

  /** The reply to a recipient; null if accepted. `now` in ms, `random` in [0, 1). */
  recipient(now: number, random: number): Reply | null {
    const { later_share = 0, per_second = Number.POSITIVE_INFINITY } = this.faults;
    if (random < later_share) return reply(450, "4.2.0 greylisted, come back later");
    const second = Math.floor(now / 1_000);
    if (second !== this.#second) [this.#second, this.#taken] = [second, 0];
    this.#taken += 1;
    return this.#taken > per_second ? reply(450, "4.7.1 too many mails, slow down") : null;
  }
}

function reply(responseCode: number, text: string): Reply {
  return Object.assign(new Error(text), { responseCode });
}
