// Starts the payment service: takes the saga's payment commands and sends them to the provider. Wiring only.
import { newId, systemClock } from "../../internal/platform/clock.ts";
import { openPublishingDatabase, startConsuming } from "../../internal/platform/consuming-role.ts";
import { runRole } from "../../internal/platform/lifecycle.ts";
import { watchPast } from "../../internal/platform/watch-past.ts";
import { paymentHandler } from "../../internal/services/payment/handler.ts";
import { paymentMetrics } from "../../internal/services/payment/telemetry.ts";
import { config, faultsOf } from "./config.ts";
import { openProviders, openTokens } from "./providers.ts";
import {
  startExecutors,
  startReconciliations,
  startShopperApi,
  startUnknownWatch,
  startWebhooks,
} from "./work.ts";

const NAME = "checkout-payment";

await runRole({
  name: NAME,
  description: "Charges, cancels and refunds: sends the saga's payment commands to the provider.",
  config,
  faults: faultsOf,
  async start(context) {
    const metrics = paymentMetrics(context.metrics);
    const opener = await openTokens(context);
    const database = await openPublishingDatabase(NAME, "payment", context);
    const providers = openProviders(context, metrics);
    const shared = { database, clock: systemClock, newId, metrics, log: context.log };
    const executors = startExecutors(context, providers, { ...shared, open: opener.open });
    const wakeExecutor = () => executors.wake();
    startWebhooks(context, providers, { ...shared, wakeExecutor });
    await startShopperApi(context, providers, { database, clock: systemClock, wakeExecutor });
    startReconciliations(context, providers, shared);
    startUnknownWatch(context, shared);
    watchPast(context, database, "payment", "forgotten charges may be decided anew");
    const serves = (provider: string) => providers.has(provider);
    const handler = paymentHandler({ serves, executors: executors.all, wakeExecutor });
    await startConsuming(context, database, handler);
  },
});
