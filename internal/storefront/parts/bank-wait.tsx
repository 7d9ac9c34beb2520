// The wait for a shopper whose bank wants the payment confirmed: until when the items are held, the way to the bank, and more time. Used
// by the status page.
import type { CheckoutStatus } from "../port.ts";
import type { Frame } from "../visit.ts";
import { Icon } from "./art.tsx";
import { When } from "./when.tsx";

/** Early enough to ask for more time, also for somebody who needs a while to find the button. Keep it the same in client/shop.js. */
const SOON_MS = 60_000;

interface Props {
  readonly frame: Frame;
  readonly checkout: CheckoutStatus;
  /** Epoch ms. */
  readonly now: number;
}

/** Part of what screen readers say: the new end when there is more time, and the warning before it. */
export function HeldUntil({ frame, checkout, now }: Props) {
  const { words, language } = frame;
  const expires = checkout.next_action?.expires_at;
  if (expires === undefined) return null;
  const [before, after] = words.status.until("\u0000").split("\u0000");
  const isSoon = Date.parse(expires) - now <= SOON_MS;
  return (
    <>
      <p>
        {before}
        <When at={expires} language={language} show="time" />
        {after}
      </p>
      <p class="longer" data-soon={words.status.soon}>
        {isSoon ? words.status.soon : ""}
      </p>
    </>
  );
}

/** A guest with a link sees the state, and neither pays nor decides, so no clock runs against them: they can sign in. */
export function BankActions({ frame, checkout, now, isGuest }: Props & { readonly isGuest: boolean }) {
  const { words } = frame;
  const { saga_id, next_action } = checkout;
  const address = `/checkout/${saga_id}`;
  return (
    <div class="actions">
      {isGuest && frame.isSignedIn ? null : (
        <a class="button" href={isGuest ? signInPath(address) : `${address}/bank`}>
          <Icon name="bank" />
          {isGuest ? words.status.bankSignIn : words.status.bank}
        </a>
      )}
      {isGuest || next_action?.extendable !== true ? null : (
        <form method="post" action={`${address}/more-time`} data-more-time>
          <button class="button quiet">{words.status.moreTime}</button>
        </form>
      )}
      {isGuest || next_action === undefined ? null : (
        <p class="note">
          {/* The clock of a browser may be minutes off, so the script counts from ours. */}
          <span
            role="timer"
            data-now={now}
            data-until={next_action.expires_at}
            data-left={words.status.left}
          />
        </p>
      )}
    </div>
  );
}

function signInPath(address: string): string {
  return `/signin?needed=1&back=${encodeURIComponent(address)}`;
}
