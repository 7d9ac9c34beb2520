// The names of products in the mails of this process, from its settings.
import type { Log } from "../../internal/kernel/telemetry.ts";
import { systemClock } from "../../internal/platform/clock.ts";
import {
  CatalogueNames,
  noNames,
  type ProductNames,
} from "../../internal/services/notification/product-names.ts";
import type { NotificationConfig } from "./config.ts";

export function namesOf({ INVENTORY_URL: url }: NotificationConfig, log: Pick<Log, "warn">): ProductNames {
  if (url === undefined) return noNames;
  return new CatalogueNames({
    url,
    clock: systemClock,
    onError: (err) => log.warn({ err }, "inventory does not tell the names of products, mails show SKUs"),
  });
}
