// What a mail says about its shop: the name, and where the shop's page of this checkout is. Pure.
import type { SendNotification } from "../../../schemas/notification.ts";

export interface MailShop {
  readonly name: string;
  readonly linkOf: LinkOf;
}

/** Without the shop's pages there is no link. Depends only on the command, so that a repeated mail is the same mail. */
export type LinkOf = (command: SendNotification) => string | null;

export const noLink: LinkOf = () => null;
