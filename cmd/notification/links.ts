// The links in the mails of this process, from its settings.
import { guestLinks } from "../../internal/platform/guest-links.ts";
import { type LinkOf, noLink } from "../../internal/services/notification/mail-shop.ts";
import type { NotificationConfig } from "./config.ts";

/** Valid from the time of the command, not of the sending: a repeated mail is the same mail. */
export function linksOf({ SHOP_URL, SHOP_LINK_SECRET }: NotificationConfig): LinkOf {
  if (SHOP_URL === undefined || SHOP_LINK_SECRET === undefined) return noLink;
  const shop = SHOP_URL.replace(/\/+$/, "");
  const links = guestLinks(SHOP_LINK_SECRET);
  return ({ saga_id, user_id, occurred_at }) =>
    `${shop}/checkout/${saga_id}?k=${links.tokenFor(saga_id, user_id, Date.parse(occurred_at))}`;
}
