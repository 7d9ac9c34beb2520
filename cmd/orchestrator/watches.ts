// The orchestrator's background checks of its database: admission, sagas without progress, dead letters.
import { handledOf } from "../../internal/operations/dead-letter-store.ts";
import { OpenDeadLetters } from "../../internal/operations/open-dead-letters.ts";
import { Admission, admissionMetrics } from "../../internal/orchestrator/admission.ts";
import { measureBacklog } from "../../internal/orchestrator/intake-store.ts";
import { StuckWatch } from "../../internal/orchestrator/stuck.ts";
import { countNeedy, findStuck } from "../../internal/orchestrator/stuck-store.ts";
import type { Database } from "../../internal/messaging/database.ts";
import { runLoop } from "../../internal/platform/background-loop.ts";
import { systemClock } from "../../internal/platform/clock.ts";
import { kafkaOptions } from "../../internal/platform/kafka/connection.ts";
import { readTopic } from "../../internal/platform/kafka/read-topic.ts";
import type { RoleContext } from "../../internal/platform/lifecycle.ts";
import { TOPICS } from "../../schemas/topics.ts";
import type { OrchestratorConfig } from "./config.ts";

type Context = RoleContext<OrchestratorConfig>;

const ADMISSION_INTERVAL_MS = 1_000;
/** A charge may wait for this share of a checkout's time, and at most 7.5 s. Payment itself gives up charges that would wait 20 s. */
const CHARGE_WAIT_SHARE = 0.25;
const LONGEST_CHARGE_WAIT_MS = 7_500;
const STUCK_INTERVAL_MS = 10_000;
/** Each run opens a connection to Kafka for a moment. */
const DEAD_LETTER_INTERVAL_MS = 60_000;

/** Checks every second whether new checkouts may be accepted. */
export function startAdmission(context: Context, database: Database): Admission {
  const { config, log, metrics } = context;
  const admission = new Admission({
    limits: {
      openSagas: config.INTAKE_MAX_OPEN_SAGAS,
      unpublished: config.INTAKE_MAX_UNPUBLISHED,
      chargeWaitMs: Math.min(config.FORWARD_DEADLINE_MS * CHARGE_WAIT_SHARE, LONGEST_CHARGE_WAIT_MS),
    },
    measure: (atMost) => measureBacklog(database.sql, atMost),
    log,
    metrics: admissionMetrics(metrics),
    monotonic: () => performance.now(),
  });
  runLoop(context, {
    name: "admission",
    runOnce: () => admission.runOnce(),
    intervalMs: ADMISSION_INTERVAL_MS,
    restPerRun: 4,
  });
  return admission;
}

/** Reports sagas in progress that have not moved for STUCK_AFTER_MS, and those that need an operator. */
export function startStuckWatch(context: Context, database: Database): void {
  const { config, log, metrics } = context;
  const stuck = new StuckWatch({
    afterMs: config.STUCK_AFTER_MS,
    find: (before, limit) => findStuck(database.sql, before, limit),
    countNeedy: (limit) => countNeedy(database.sql, limit),
    clock: systemClock,
    log,
    meter: metrics,
  });
  runLoop(context, { name: "progress", runOnce: () => stuck.runOnce(), intervalMs: STUCK_INTERVAL_MS });
}

/** Counts the dead letters that wait for an operator. */
export function startDeadLetterWatch(context: Context, database: Database): void {
  const { config, metrics } = context;
  const watch = new OpenDeadLetters({
    read: (from) => readTopic({ ...kafkaOptions(config, "orchestrator"), topic: TOPICS.deadLetters, from }),
    handled: (ids) => handledOf(database.sql, ids),
    clock: systemClock,
    meter: metrics,
  });
  runLoop(context, {
    name: "open dead letters",
    runOnce: () => watch.runOnce(),
    intervalMs: DEAD_LETTER_INTERVAL_MS,
    backoffFirstMs: DEAD_LETTER_INTERVAL_MS / 10,
    backoffCapMs: DEAD_LETTER_INTERVAL_MS,
  });
}
