// The orchestrator as a process of its own: wiring only. Takes checkouts over HTTP, drives them by the saga table.
import { Type } from "@sinclair/typebox";
import { Admission, admissionMetrics, hearingWaits } from "../../internal/orchestrator/admission.ts";
import { orchestratorApi } from "../../internal/orchestrator/api.ts";
import { cancelSaga } from "../../internal/orchestrator/cancel.ts";
import { eraseOldSagas } from "../../internal/orchestrator/personal-data-store.ts";
import { sagaHandler } from "../../internal/orchestrator/handler.ts";
import { Intake } from "../../internal/orchestrator/intake.ts";
import { measureBacklog } from "../../internal/orchestrator/intake-store.ts";
import { sagaTelemetry } from "../../internal/orchestrator/telemetry.ts";
import { PastWatch } from "../../internal/orchestrator/past-watch.ts";
import { StatusWatch } from "../../internal/orchestrator/status-watch.ts";
import { openTableVersions } from "../../internal/orchestrator/store.ts";
import { StuckWatch } from "../../internal/orchestrator/stuck.ts";
import { findStuck } from "../../internal/orchestrator/stuck-store.ts";
import { sweepDeadlines } from "../../internal/orchestrator/timers.ts";
import { requireKnownVersions } from "../../internal/orchestrator/versions.ts";
import { LONGEST_PAUSE_MS } from "../../internal/kernel/backoff.ts";
import { AppError } from "../../internal/kernel/errors.ts";
import { runLoop } from "../../internal/platform/background-loop.ts";
import {
  commonConfig,
  ConfigError,
  consumerConfig,
  publishingConfig,
  personalDataDays,
  postgresConfig,
  redisConfig,
  servedNamesConfig,
} from "../../internal/platform/config.ts";
import {
  newId,
  openDatabase,
  startConsuming,
  startErasing,
  systemClock,
} from "../../internal/platform/consuming-role.ts";
import { newestSaid } from "../../internal/platform/kafka/newest-said.ts";
import { runRole } from "../../internal/platform/lifecycle.ts";
import { publishAfterCommit } from "../../internal/platform/publishing.ts";
import { logThrottled } from "../../internal/platform/log-throttle.ts";
import { serveHttp } from "../../internal/platform/serve-http.ts";

const DEADLINE_SWEEP_MS = 500;
const IDLE_DEADLINE_SWEEP_MS = 2_000;
const RESENDS_BEFORE_OPERATOR = 5;
const ADMISSION_INTERVAL_MS = 1_000;
/** A charge may wait for so much of a checkout's time, and no longer than a shopper likes to; payment gives up what would wait for 20 s. */
const CHARGE_WAIT_SHARE = 0.25;
const LONGEST_CHARGE_WAIT_MS = 7_500;
const STUCK_INTERVAL_MS = 10_000;
/** One small query where there is nothing to compare. */
const COMPARE_INTERVAL_MS = 1_000;

const config = Type.Object({
  ...commonConfig,
  ...consumerConfig,
  ...publishingConfig,
  ...postgresConfig,
  ...redisConfig,
  HOST: Type.String({
    default: "127.0.0.1",
    minLength: 1,
    description: "address the API listens on; keep it private",
  }),
  PORT: Type.Integer({ minimum: 0, maximum: 65_535, description: "port of the API" }),
  ...servedNamesConfig,
  FORWARD_DEADLINE_MS: Type.Integer({
    default: 30_000,
    minimum: 1_000,
    maximum: 240_000,
    description:
      "how long a checkout may take before it is undone, in milliseconds; below the 5 minutes a hold lasts",
  }),
  RESEND_FIRST_MS: Type.Integer({
    default: 10_000,
    minimum: 100,
    description: "an undo without an answer is sent again after so many milliseconds, then ever more slowly",
  }),
  RESEND_CAP_MS: Type.Integer({
    default: 60_000,
    minimum: 100,
    maximum: LONGEST_PAUSE_MS,
    description: "the longest pause between two such sends",
  }),
  INTAKE_LINGER_MS: Type.Integer({
    default: 3,
    minimum: 0,
    maximum: 100,
    description:
      "how long a checkout waits at least for others to share its transaction, in milliseconds; a busy machine makes it up to 25",
  }),
  STUCK_AFTER_MS: Type.Integer({
    default: 300_000,
    minimum: 1_000,
    description: "an open checkout that nothing has moved for so long is told of as stuck, in milliseconds",
  }),
  INTAKE_MAX_OPEN_SAGAS: Type.Integer({
    default: 8_000,
    minimum: 1,
    maximum: 1_000_000,
    description:
      "with so many checkouts under way, new ones are told to come again; as many as are worked off in half of FORWARD_DEADLINE_MS",
  }),
  INTAKE_MAX_UNPUBLISHED: Type.Integer({
    default: 100_000,
    minimum: 1,
    maximum: 10_000_000,
    description: "the same with so many messages that wait for Kafka: the room that an outage may fill",
  }),
  PERSONAL_DATA_DAYS: personalDataDays(
    "so many days after its end a saga loses e-mail and postal address; 0 keeps them",
    30,
  ),
});

const NAME = "checkout-orchestrator";

await runRole({
  name: NAME,
  description: "Takes checkouts and drives each one to its end by the saga table.",
  config,
  async start(context) {
    const { config: env, log, metrics, resources, untilReachable } = context;
    if (env.RESEND_FIRST_MS > env.RESEND_CAP_MS)
      throw new ConfigError(NAME, [
        "RESEND_FIRST_MS is above RESEND_CAP_MS: no pause may be longer than the longest",
      ]);
    const policy = {
      forwardDeadlineMs: env.FORWARD_DEADLINE_MS,
      resendFirstMs: env.RESEND_FIRST_MS,
      resendCapMs: env.RESEND_CAP_MS,
      resendsBeforeOperator: RESENDS_BEFORE_OPERATOR,
    };
    const database = publishAfterCommit(await openDatabase(NAME, "saga", context), "saga", context);
    await untilReachable("the saga schema (checkoutctl migrate)", async () =>
      requireKnownVersions(await openTableVersions(database.sql)),
    );
    const watch = new StatusWatch(database.sql);
    const telemetry = sagaTelemetry(metrics, log, watch.changed.bind(watch));
    const shared = { database, clock: systemClock, newId, policy };

    const admission = new Admission({
      limits: {
        openSagas: env.INTAKE_MAX_OPEN_SAGAS,
        unpublished: env.INTAKE_MAX_UNPUBLISHED,
        chargeWaitMs: Math.min(env.FORWARD_DEADLINE_MS * CHARGE_WAIT_SHARE, LONGEST_CHARGE_WAIT_MS),
      },
      measure: (atMost) => measureBacklog(database.sql, atMost),
      log,
      metrics: admissionMetrics(metrics),
      monotonic: () => performance.now(),
    });
    const observer = hearingWaits(telemetry.observer, admission, systemClock);
    runLoop(context, {
      name: "admission",
      runOnce: () => admission.runOnce(),
      intervalMs: ADMISSION_INTERVAL_MS,
      restPerRun: 4,
    });

    const stuck = new StuckWatch({
      afterMs: env.STUCK_AFTER_MS,
      find: (before, limit) => findStuck(database.sql, before, limit),
      clock: systemClock,
      log,
      meter: metrics,
    });
    runLoop(context, {
      name: "progress",
      runOnce: () => stuck.runOnce(),
      intervalMs: STUCK_INTERVAL_MS,
    });

    const past = new PastWatch({
      sql: database.sql,
      newestSaid: () => newestSaid({ brokers: env.KAFKA_BROKERS, clientId: "orchestrator" }),
      now: () => systemClock.now(),
      log,
    });
    context.ops.addCheck("saga database", () => past.ready());
    runLoop(context, {
      name: "comparison with Kafka",
      runOnce: () => past.runOnce(),
      intervalMs: COMPARE_INTERVAL_MS,
    });
    const gate = {
      get refusal() {
        return past.refusal ?? admission.refusal;
      },
      taken: admission.taken.bind(admission),
    };

    // Before Kafka is waited for: a checkout needs this database and nothing else to be taken in.
    const intake = resources.use(
      "intake",
      new Intake({
        ...shared,
        lingerMs: env.INTAKE_LINGER_MS,
        onStarted: telemetry.onStarted,
        admission: gate,
      }),
    );
    const logError = logThrottled(log, systemClock);
    const onError = (error: unknown) => logError(error, {}, "a request could not be answered");
    const api = orchestratorApi({
      intake,
      watch,
      cancel(sagaId, request) {
        if (past.refusal !== null) throw new AppError("SERVICE_UNAVAILABLE", past.refusal);
        return cancelSaga({ ...shared, observer, log }, sagaId, request);
      },
      faultOf: database.faultOf.bind(database),
      onError,
    });
    const server = resources.use(
      "api",
      serveHttp(api, { hostname: env.HOST, port: env.PORT, names: env.SERVED_NAMES }),
    );
    // Closed before the API, which waits for the calls that are held open.
    resources.defer("status watch", () => watch[Symbol.dispose]());
    log.info({ port: server.port }, "listening");

    runLoop(context, {
      name: "deadlines",
      runOnce: () => sweepDeadlines({ ...shared, observer, compared: () => past.compared }),
      intervalMs: DEADLINE_SWEEP_MS,
      idleIntervalMs: IDLE_DEADLINE_SWEEP_MS,
      restPerRun: 4,
    });
    startErasing(context, database, { days: env.PERSONAL_DATA_DAYS, erase: eraseOldSagas });
    await startConsuming(context, database, sagaHandler(policy, observer));
  },
});
