// The order service as a process of its own: wiring only.
import { Type } from "@sinclair/typebox";
import {
  commonConfig,
  consumerConfig,
  publishingConfig,
  personalDataDays,
  postgresConfig,
  redisConfig,
} from "../../internal/platform/config.ts";
import { openDatabase, startConsuming, startErasing } from "../../internal/platform/consuming-role.ts";
import { runRole } from "../../internal/platform/lifecycle.ts";
import { publishAfterCommit } from "../../internal/platform/publishing.ts";
import { eraseOldOrders } from "../../internal/services/order/personal-data-store.ts";
import { orderHandler } from "../../internal/services/order/handler.ts";

const config = Type.Object({
  ...commonConfig,
  ...consumerConfig,
  ...publishingConfig,
  ...postgresConfig,
  ...redisConfig,
  ORDER_BLOCKED_COUNTRIES: Type.String({
    default: "",
    pattern: "^([A-Z]{2}(,[A-Z]{2})*)?$",
    description: "countries nothing is shipped to: two-letter codes separated by commas",
  }),
  PERSONAL_DATA_DAYS: personalDataDays("after so many days an order loses its address; 0 keeps it", 0),
});

await runRole({
  name: "checkout-order",
  description: "Owns the orders: creates one per checkout, and cancels it where the checkout is undone.",
  config,
  async start(context) {
    const { config: env, log, metrics } = context;
    const blockedCountries = new Set(env.ORDER_BLOCKED_COUNTRIES.split(",").filter((code) => code !== ""));
    const database = publishAfterCommit(
      await openDatabase("checkout-order", "order", context),
      "order",
      context,
    );
    const stuck = metrics.counter(
      "order_cancels_impossible_total",
      "Cancels that came for an order already shipped",
    );
    const alert = (what: string) => {
      stuck.inc();
      log.error({}, what);
    };
    startErasing(context, database, { days: env.PERSONAL_DATA_DAYS, erase: eraseOldOrders });
    await startConsuming(context, database, orderHandler({ policy: { blockedCountries }, alert }));
  },
});
