// The names of products in the mails of this process, from its settings.
import type { Log } from "../../internal/kernel/telemetry.ts";
import { signingKey } from "../../internal/platform/caller-keys.ts";
import { systemClock } from "../../internal/platform/clock.ts";
import { CallerCredential } from "../../internal/platform/internal-tokens.ts";
import {
  CatalogueNames,
  noNames,
  type ProductNames,
} from "../../internal/services/notification/product-names.ts";
import type { NotificationConfig } from "./config.ts";

/** Throws CONFIG_INVALID if the key is not usable. */
export async function namesOf(
  { INVENTORY_URL: url, NOTIFICATION_PRIVATE_JWK: privateJwk }: NotificationConfig,
  log: Pick<Log, "info" | "warn">,
): Promise<ProductNames> {
  if (url === undefined || privateJwk === undefined) return noNames;
  const key = await signingKey("NOTIFICATION_PRIVATE_JWK", privateJwk, "reader");
  log.info({ kid: key.kid, issuer: key.issuer }, "the service proves itself to inventory with this key");
  return new CatalogueNames({
    url,
    credential: new CallerCredential(key, systemClock),
    clock: systemClock,
    onError: (err) =>
      log.warn({ err }, "inventory does not answer with the names of products, so mails show SKUs"),
  });
}
