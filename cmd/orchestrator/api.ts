// The orchestrator's HTTP side: intake, status, more time and cancel.
import type { Admission } from "../../internal/orchestrator/admission.ts";
import { orchestratorApi } from "../../internal/orchestrator/api.ts";
import { cancelOrder } from "../../internal/orchestrator/cancel-order.ts";
import { cancelSaga } from "../../internal/orchestrator/cancel.ts";
import type { HistoryWatch } from "../../internal/orchestrator/history-watch.ts";
import { Intake, type IntakeOptions } from "../../internal/orchestrator/intake.ts";
import { KeyLookup } from "../../internal/orchestrator/key-lookup.ts";
import { extendAction } from "../../internal/orchestrator/more-time.ts";
import type { PastWatch } from "../../internal/messaging/past-watch.ts";
import type { SagaObserver } from "../../internal/orchestrator/saga-batch.ts";
import { traceSaga } from "../../internal/orchestrator/trace.ts";
import type { StatusWatch } from "../../internal/orchestrator/status-watch.ts";
import { AppError } from "../../internal/kernel/errors.ts";
import { openAccess } from "../../internal/platform/access.ts";
import { systemClock } from "../../internal/platform/clock.ts";
import type { RoleContext } from "../../internal/platform/lifecycle.ts";
import { logThrottled } from "../../internal/platform/log-throttle.ts";
import { startHttp } from "../../internal/platform/serve-http.ts";
import type { OrchestratorConfig } from "./config.ts";

export interface ApiParts extends Pick<
  IntakeOptions,
  "database" | "clock" | "newId" | "policy" | "onStarted"
> {
  readonly observer: SagaObserver;
  readonly watch: StatusWatch;
  readonly history: HistoryWatch;
  readonly admission: Admission;
  readonly past: PastWatch;
}

/** Serves the API. It needs only the saga database: checkouts are accepted while Kafka is down. */
export async function startApi(context: RoleContext<OrchestratorConfig>, parts: ApiParts): Promise<void> {
  const { config, log, tracer, resources } = context;
  const access = await openAccess(context, "orchestrator", config);
  const { database, admission, history, past, watch } = parts;
  const gate = {
    rejection: (provider?: string) => past.rejection ?? admission.rejection(provider),
    taken: admission.taken.bind(admission),
  };
  const intake = resources.use(
    "intake",
    new Intake({ ...parts, tracer, lingerMs: config.INTAKE_LINGER_MS, admission: gate }),
  );
  const keys = resources.use("key lookup", new KeyLookup(database.sql));
  const logError = logThrottled(log, systemClock);
  const api = orchestratorApi({
    access,
    intake,
    keys,
    watch,
    history,
    cancel(sagaId, request) {
      requirePresent(past);
      return cancelSaga({ ...parts, log, tracer }, sagaId, request);
    },
    cancelOrder(sagaId, request) {
      requirePresent(past);
      return cancelOrder({ ...parts, log }, sagaId, request);
    },
    extendAction(sagaId, request) {
      requirePresent(past);
      return extendAction(parts, sagaId, request);
    },
    trace: (sagaId, request) => traceSaga({ ...parts, log, tracer }, sagaId, request),
    faultOf: database.faultOf.bind(database),
    tracer,
    onError: (error) => logError(error, {}, "a request failed"),
  });
  startHttp(context, "api", api);
  // Closed before the API: the API waits for open calls.
  resources.defer("status watch", () => watch[Symbol.dispose]());
  resources.defer("history watch", () => history[Symbol.dispose]());
}

/** A database that was restored must not act before its sagas are rebuilt. */
function requirePresent({ rejection }: PastWatch): void {
  if (rejection !== null) throw new AppError("SERVICE_UNAVAILABLE", rejection);
}
