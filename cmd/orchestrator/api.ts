// The orchestrator's HTTP side: intake, status and cancel.
import type { Admission } from "../../internal/orchestrator/admission.ts";
import { orchestratorApi } from "../../internal/orchestrator/api.ts";
import { cancelSaga } from "../../internal/orchestrator/cancel.ts";
import { Intake, type IntakeOptions } from "../../internal/orchestrator/intake.ts";
import type { PastWatch } from "../../internal/orchestrator/past-watch.ts";
import type { SagaObserver } from "../../internal/orchestrator/saga-batch.ts";
import type { StatusWatch } from "../../internal/orchestrator/status-watch.ts";
import { AppError } from "../../internal/kernel/errors.ts";
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
  readonly admission: Admission;
  readonly past: PastWatch;
}

/** Serves the API. Needs the saga's database and nothing else: a checkout is taken in while Kafka is away. */
export function startApi(context: RoleContext<OrchestratorConfig>, parts: ApiParts): void {
  const { config, log, resources } = context;
  const { database, admission, past, watch } = parts;
  const gate = {
    get rejection() {
      return past.rejection ?? admission.rejection;
    },
    taken: admission.taken.bind(admission),
  };
  const intake = resources.use(
    "intake",
    new Intake({ ...parts, lingerMs: config.INTAKE_LINGER_MS, admission: gate }),
  );
  const logError = logThrottled(log, systemClock);
  const api = orchestratorApi({
    intake,
    watch,
    cancel(sagaId, request) {
      if (past.rejection !== null) throw new AppError("SERVICE_UNAVAILABLE", past.rejection);
      return cancelSaga({ ...parts, log }, sagaId, request);
    },
    faultOf: database.faultOf.bind(database),
    onError: (error) => logError(error, {}, "a request could not be answered"),
  });
  startHttp(context, "api", api);
  // Closed before the API, which waits for the calls that are held open.
  resources.defer("status watch", () => watch[Symbol.dispose]());
}
