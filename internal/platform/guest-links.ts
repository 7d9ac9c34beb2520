// Links to one checkout for somebody who is not signed in: the mail carries one. The token names the user and the end of its validity, and
// an HMAC binds both to this saga and to this purpose. Made by the notification service, checked by the gateway; both have the secret.
import { createHmac, timingSafeEqual } from "node:crypto";

export const GUEST_LINK_DAYS = 30;
const DAY_MS = 24 * 60 * 60 * 1_000;
/** Part of what is signed, so that the secret can never make a token for anything else. */
const PURPOSE = "checkout-status.v1";
const MAC_BYTES = 24;
const TOKEN = /^([0-9a-f]{32})([0-9a-z]{1,9})\.([A-Za-z0-9_-]{32})$/;

export interface GuestLinks {
  /** `now` in epoch ms. */
  readonly tokenFor: (sagaId: string, userId: string, now: number) => string;
  /** The user behind a token that is valid for this saga now; null otherwise. */
  readonly userOf: (sagaId: string, token: string, now: number) => string | null;
}

/** `secrets`: separated by commas. The first one signs, all count, so that links in mails survive a rotation. */
export function guestLinks(secrets: string): GuestLinks {
  const [signing = "", ...older] = secrets.split(",");
  const mac = (secret: string, sagaId: string, userId: string, until: string) =>
    createHmac("sha256", secret)
      .update([PURPOSE, sagaId, userId, until].join("\n"))
      .digest()
      .subarray(0, MAC_BYTES);
  return {
    tokenFor(sagaId, userId, now) {
      const until = Math.floor((now + GUEST_LINK_DAYS * DAY_MS) / 1_000).toString(36);
      return `${userId.replaceAll("-", "")}${until}.${mac(signing, sagaId, userId, until).toString("base64url")}`;
    },
    userOf(sagaId, token, now) {
      const [, hex, until, given] = TOKEN.exec(token) ?? [];
      if (hex === undefined || until === undefined || given === undefined) return null;
      const userId = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
      const shown = Buffer.from(given, "base64url");
      const isSigned = [signing, ...older].some((secret) =>
        timingSafeEqual(mac(secret, sagaId, userId, until), shown),
      );
      if (!isSigned) return null;
      return Number.parseInt(until, 36) * 1_000 > now ? userId : null;
    },
  };
}
