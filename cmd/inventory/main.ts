// Starts the inventory service: reserves stock by command, releases expired holds, and serves the catalogue over HTTP. Wiring
// only.
import { runLoop } from "../../internal/platform/background-loop.ts";
import { shopCurrencies } from "../../internal/kernel/shop-currencies.ts";
import { openAccess } from "../../internal/platform/access.ts";
import { newId, systemClock } from "../../internal/platform/clock.ts";
import { openPublishingDatabase, startConsuming } from "../../internal/platform/consuming-role.ts";
import { runRole } from "../../internal/platform/lifecycle.ts";
import { startHttp } from "../../internal/platform/serve-http.ts";
import { watchPast } from "../../internal/platform/watch-past.ts";
import { catalogueApi } from "../../internal/services/inventory/catalogue-http.ts";
import { inventoryHandler } from "../../internal/services/inventory/handler.ts";
import { sweepExpired } from "../../internal/services/inventory/sweeper.ts";
import { inventoryTelemetry } from "../../internal/services/inventory/telemetry.ts";
import { config } from "./config.ts";

const NAME = "checkout-inventory";

await runRole({
  name: NAME,
  description: "Owns the stock: reserves, confirms and releases it, and serves the catalogue.",
  config,
  async start(context) {
    const { config: env, log, metrics } = context;
    const database = await openPublishingDatabase(NAME, "inventory", context);
    const currencies = shopCurrencies(env.SHOP_CURRENCIES);
    const access = await openAccess(context, "inventory", env);
    // Started before the wait for Kafka: the catalogue needs no Kafka.
    startHttp(context, "catalogue", catalogueApi({ access, database, log, currencies }));
    const onCommitted = inventoryTelemetry(metrics);
    const past = watchPast(context, database, "inventory", "no hold expires");
    const compared = () => past.compared;
    runLoop(context, {
      name: "sweeper",
      runOnce: () => sweepExpired({ database, clock: systemClock, newId, onCommitted, log, compared }),
      intervalMs: env.SWEEP_INTERVAL_MS,
      restPerRun: 4,
    });
    const policy = { holdMs: env.RESERVATION_HOLD_MS };
    await startConsuming(context, database, inventoryHandler({ policy, onCommitted }));
  },
});
