// A mail server in faults, for the mail catcher to play: slow, in doubt about recipients, limited, or refusing us. Pure but for the
// clock and chance, which it is given. Set over HTTP (`PUT /faults`) by the chaos runs; called by mail-catcher.ts.
import { Type } from "@sinclair/typebox";

export const MailFaults = Type.Object(
  {
    /** How long each recipient's answer takes. */
    delay_ms: Type.Optional(Type.Integer({ minimum: 0, maximum: 60_000 })),
    /** This share of recipients is told to come back later. */
    later_share: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
    /** Mails that are taken in a second. */
    per_second: Type.Optional(Type.Integer({ minimum: 1 })),
    /** Every sender is refused, as by a server that we may not use any more. */
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

  /** What a sender is answered; null where he is taken. */
  sender(): Reply | null {
    return this.faults.refuses === true ? reply(550, "5.7.60 you may not send here") : null;
  }

  /** What a recipient is answered. `now` in ms, `random` in [0, 1). */
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
