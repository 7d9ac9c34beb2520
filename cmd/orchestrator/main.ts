// Starts the orchestrator: accepts checkouts over HTTP and drives them by the saga table. Wiring only.
import { hearingWaits } from "../../internal/orchestrator/admission.ts";
import { sagaHandler } from "../../internal/orchestrator/handler.ts";
import { HistoryWatch } from "../../internal/orchestrator/history-watch.ts";
import { sweepCancellations } from "../../internal/orchestrator/order-cancellation-timers.ts";
import { eraseOldSagas } from "../../internal/orchestrator/personal-data-store.ts";
import { StatusWatch } from "../../internal/orchestrator/status-watch.ts";
import { openTableVersions } from "../../internal/orchestrator/store.ts";
import { cancellationOverdue, sagaTelemetry } from "../../internal/orchestrator/telemetry.ts";
import { sweepDeadlines } from "../../internal/orchestrator/timers.ts";
import { requireKnownVersions } from "../../internal/orchestrator/versions.ts";
import { runLoop } from "../../internal/platform/background-loop.ts";
import { newId, systemClock } from "../../internal/platform/clock.ts";
import {
  openPublishingDatabase,
  startConsuming,
  startErasing,
} from "../../internal/platform/consuming-role.ts";
import { runRole } from "../../internal/platform/lifecycle.ts";
import { watchPast } from "../../internal/platform/watch-past.ts";
import { startApi } from "./api.ts";
import { config, NAME, policyOf } from "./config.ts";
import { startAdmission, startDeadLetterWatch, startStuckWatch } from "./watches.ts";

await runRole({
  name: NAME,
  description: "Accepts checkouts and drives each one to its end by the saga table.",
  config,
  async start(context) {
    const policy = policyOf(context.config);
    const database = await openPublishingDatabase(NAME, "saga", context);
    await context.untilReachable("the saga schema (checkoutctl migrate)", async () =>
      requireKnownVersions(await openTableVersions(database.sql)),
    );
    const watch = new StatusWatch(database.sql);
    const history = new HistoryWatch(database.sql);
    const telemetry = sagaTelemetry(context.metrics, context.log, (sagas) => {
      watch.changed(sagas);
      history.changed(sagas);
    });
    const admission = startAdmission(context, database);
    const observer = hearingWaits(telemetry.observer, admission, systemClock);
    startStuckWatch(context, database);
    startDeadLetterWatch(context, database);
    const past = watchPast(context, database, "saga", "no deadline acts and no checkout is admitted");
    const saga = { database, clock: systemClock, newId, policy, observer };
    await startApi(context, { ...saga, watch, history, admission, past, onStarted: telemetry.onStarted });
    runLoop(context, {
      name: "deadlines",
      runOnce: () => sweepDeadlines({ ...saga, tracer: context.tracer, compared: () => past.compared }),
      intervalMs: 500,
      idleIntervalMs: 2_000,
      restPerRun: 4,
    });
    const onOverdue = cancellationOverdue(context.metrics, context.log);
    runLoop(context, {
      name: "cancellations",
      runOnce: () => sweepCancellations({ database, clock: systemClock, newId, policy, onOverdue }),
      intervalMs: 2_000,
      idleIntervalMs: 5_000,
      restPerRun: 4,
    });
    startErasing(context, database, { days: context.config.PERSONAL_DATA_DAYS, erase: eraseOldSagas });
    await startConsuming(context, database, sagaHandler(policy, observer));
  },
});
