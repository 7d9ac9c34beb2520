// Which parcel it is, with a link to the carrier if there is one. Used by an order's page and by its status page, also for guests, whose
// mail has the number too.
import type { PlacedOrder } from "../port.ts";

export function Tracking({ tracking }: { readonly tracking: NonNullable<PlacedOrder["tracking"]> }) {
  const { carrier, number, url } = tracking;
  return (
    <>
      {carrier}{" "}
      {url === undefined ? (
        <span class="code">{number}</span>
      ) : (
        <a class="code" href={url} rel="noreferrer">
          {number}
        </a>
      )}
    </>
  );
}
