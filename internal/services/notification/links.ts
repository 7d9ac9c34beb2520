// Where a mail leads: the shop's page of this checkout. The shop gives the function; without its pages there is no link. Pure.
import type { SendNotification } from "../../../schemas/notification.ts";

/** Depends only on the command, so that a repeated mail is the same mail. */
export type LinkOf = (command: SendNotification) => string | null;

export const noLink: LinkOf = () => null;
