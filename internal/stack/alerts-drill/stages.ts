// The order of the scenes: those of a stage run at the same time and do not disturb each other. Every alert of the rules is raised by one
// scene, or is in NOT_DRILLED with the reason; a test compares.
import { CERTIFICATE_ENDS, KAFKA_REFUSES, POSTGRES_REFUSES } from "./access-scenes.ts";
import {
  FORGED_EVENT,
  IMPOSSIBLE_MESSAGE,
  POISON,
  RELEASES_FAIL,
  SENT_TWICE,
  SHIPPED_ORDER_CANCELLED,
  UNSEALED,
} from "./message-scenes.ts";
import {
  CHARGED_BY_HAND,
  DISPUTED,
  NOTHING,
  PROVIDER_REJECTS,
  PROVIDER_SILENT,
  REFUND_COMES_BACK,
  REFUNDS_FAIL,
} from "./money-scenes.ts";
import type { Scene } from "./scene.ts";
import {
  FORGOTTEN_TRANSACTION,
  IDENTITY_PROVIDER_AWAY,
  INVENTORY_DATABASE_AWAY,
  KAFKA_AWAY,
  MAIL_SERVER_AWAY,
  OLD_PARTITION_LOCKED,
  ORDERS_LOCKED,
  REDIS_AWAY,
  ROLES_AWAY,
  SCRAPES_FAIL,
  STANDBY_BEHIND,
} from "./server-scenes.ts";

/** The provider is broken late: for a while afterwards, alerts about sagas that wait are silent. */
export const STAGES: readonly (readonly Scene[])[] = [
  [NOTHING, INVENTORY_DATABASE_AWAY, MAIL_SERVER_AWAY, FORGOTTEN_TRANSACTION, CHARGED_BY_HAND],
  [RELEASES_FAIL, POISON, IMPOSSIBLE_MESSAGE, UNSEALED, SENT_TWICE, SCRAPES_FAIL, DISPUTED],
  [ORDERS_LOCKED, IDENTITY_PROVIDER_AWAY, REFUNDS_FAIL, SHIPPED_ORDER_CANCELLED, OLD_PARTITION_LOCKED],
  [CERTIFICATE_ENDS, POSTGRES_REFUSES],
  [KAFKA_REFUSES],
  [REFUND_COMES_BACK, FORGED_EVENT],
  [PROVIDER_SILENT],
  [PROVIDER_REJECTS],
  [KAFKA_AWAY],
  [REDIS_AWAY],
  [STANDBY_BEHIND],
  [ROLES_AWAY],
];

/** Alerts whose cause cannot be made here, with the reason. */
export const NOT_DRILLED: Readonly<Record<string, string>> = {};

/** Never stops while Prometheus runs. */
export const WATCHDOG = "Watchdog";
