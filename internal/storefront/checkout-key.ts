// The Idempotency-Key of a checkout form. It is minted when the form is first rendered and bound to what the form orders: another cart,
// price or currency needs another key. A repeated press has the same one, and so has a form that is rendered again (placed.ts).
import { type Cart, purchaseText } from "./cart.ts";

/** What one press of the button would buy. */
export interface Offer {
  readonly cart: Cart;
  readonly total_cents: number;
  readonly currency: string;
}

const HASH_LENGTH = 24;
const KEY = /^shop-[0-9a-f-]{36}-([0-9a-f]{24})$/;

/** `uuid` is new for each rendered form. */
export function keyFor(offer: Offer, uuid: string): string {
  return `shop-${uuid}-${offerHash(offer)}`;
}

/** Whether the key belongs to this offer. A form whose lines were changed has a key of another offer. */
export function isKeyFor(key: string, offer: Offer): boolean {
  return KEY.exec(key)?.[1] === offerHash(offer);
}

function offerHash({ cart, total_cents, currency }: Offer): string {
  const text = `${purchaseText(cart)} ${total_cents} ${currency}`;
  return Bun.CryptoHasher.hash("sha256", text, "hex").slice(0, HASH_LENGTH);
}
