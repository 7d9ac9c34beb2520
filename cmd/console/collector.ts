// Starts collecting what the console shows of the whole system. Called by main.ts.
import type { Static } from "@sinclair/typebox";
import { Collector, type CollectorOptions } from "../../internal/console/collector.ts";
import { History } from "../../internal/console/history.ts";
import { firingAlerts } from "../../internal/operations/firing-alerts.ts";
import { roleAddresses } from "../../internal/operations/role-state.ts";
import { runLoop } from "../../internal/platform/background-loop.ts";
import { systemClock } from "../../internal/platform/clock.ts";
import type { RoleContext } from "../../internal/platform/lifecycle.ts";
import type { config } from "./config.ts";

/** Each source has its own pause; this is the precision. */
const TICK_MS = 250;

export function startCollector(
  context: RoleContext<Static<typeof config>>,
  sources: Pick<CollectorOptions, "databases" | "topics" | "deadLetters">,
): { readonly collector: Collector; readonly history: History } {
  const { ALERTMANAGER_URL: alertmanager, OPS_URLS } = context.config;
  const collector = new Collector({
    ...sources,
    roles: roleAddresses(OPS_URLS),
    firing: alertmanager === undefined ? null : (signal) => firingAlerts(alertmanager, signal),
    clock: systemClock,
  });
  const history = new History();
  const runOnce = async () => {
    await collector.runOnce();
    history.addIfDue(collector.snapshot(), systemClock.now());
  };
  runLoop(context, { name: "collector", runOnce, intervalMs: TICK_MS });
  return { collector, history };
}
