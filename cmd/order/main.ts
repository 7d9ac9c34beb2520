// Starts the order service. Wiring only.
import { openAccess } from "../../internal/platform/access.ts";
import { newId, systemClock } from "../../internal/platform/clock.ts";
import {
  openPublishingDatabase,
  startConsuming,
  startErasing,
} from "../../internal/platform/consuming-role.ts";
import { runRole } from "../../internal/platform/lifecycle.ts";
import { startHttp } from "../../internal/platform/serve-http.ts";
import { watchPast } from "../../internal/platform/watch-past.ts";
import { orderHandler } from "../../internal/services/order/handler.ts";
import { orderApi } from "../../internal/services/order/order-http.ts";
import { eraseOldOrders } from "../../internal/services/order/personal-data-store.ts";
import { orderAlert } from "../../internal/services/order/telemetry.ts";
import { config } from "./config.ts";

const NAME = "checkout-order";

await runRole({
  name: NAME,
  description:
    "Owns the orders: creates one per checkout, cancels it when the checkout is undone, ships it for an operator, and serves them.",
  config,
  async start(context) {
    const { config: env, log, metrics } = context;
    const blockedCountries = new Set(env.ORDER_BLOCKED_COUNTRIES.split(",").filter((code) => code !== ""));
    const database = await openPublishingDatabase(NAME, "order", context);
    const access = await openAccess(context, "order", env);
    // Started before the wait for Kafka: the orders need no Kafka.
    startHttp(context, "orders", orderApi({ access, database, clock: systemClock, newId, log }));
    startErasing(context, database, { days: env.PERSONAL_DATA_DAYS, erase: eraseOldOrders });
    watchPast(context, database, "order", "a forgotten order may be made or shipped again");
    const alert = orderAlert(metrics, log);
    await startConsuming(context, database, orderHandler({ policy: { blockedCountries }, alert }));
  },
});
