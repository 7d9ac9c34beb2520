// The payment service as a process of its own: wiring only. Takes the saga's payment commands and carries them to the provider.
import { newId, systemClock } from "../../internal/platform/clock.ts";
import { openPublishingDatabase, startConsuming } from "../../internal/platform/consuming-role.ts";
import { runRole } from "../../internal/platform/lifecycle.ts";
import { DEFAULT_POLICY } from "../../internal/services/payment/attempts/attempts.ts";
import { paymentHandler } from "../../internal/services/payment/handler.ts";
import { paymentMetrics } from "../../internal/services/payment/telemetry.ts";
import { config } from "./config.ts";
import { openProvider, openTokens } from "./provider.ts";
import { startExecutor, startReconciliation, startWebhooks } from "./work.ts";

const NAME = "checkout-payment";

await runRole({
  name: NAME,
  description: "Charges, cancels and refunds: carries the saga's payment commands to the provider.",
  config,
  async start(context) {
    const { config: env, log } = context;
    const metrics = paymentMetrics(context.metrics);
    const opener = await openTokens(context);
    const database = await openPublishingDatabase(NAME, "payment", context);
    const { provider, pace, hold, ledger } = openProvider(context, metrics);
    const policy = {
      ...DEFAULT_POLICY,
      searchLagMs: env.SEARCH_LAG_MS,
      executionMs: env.CHARGE_EXECUTION_MS,
    };
    const shared = { database, clock: systemClock, newId, policy, metrics, log };
    const { executor, wakeExecutor } = startExecutor(context, {
      ...shared,
      provider,
      pace,
      hold,
      open: opener.open,
    });
    startWebhooks(context, { ...shared, provider: provider.name, wakeExecutor });
    startReconciliation(context, { ...shared, ledger });
    const handler = paymentHandler({ provider: provider.name, executor, wakeExecutor });
    await startConsuming(context, database, handler);
  },
});
