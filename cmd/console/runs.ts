// Executes the runs that operators start, here or with checkoutctl: a lease in the database lets one process at a time work on a run, so
// several consoles share them, and one that is restarted continues.
import { hostname } from "node:os";
import type { Sql } from "postgres";
import { objectionToReplay } from "../../internal/orchestrator/replay.ts";
import type { BulkContext } from "../../internal/operations/bulk-context.ts";
import { RunExecutor } from "../../internal/operations/run-executor.ts";
import { runLoop } from "../../internal/platform/background-loop.ts";
import { newId, systemClock } from "../../internal/platform/clock.ts";
import type { KafkaSettings } from "../../internal/platform/kafka/connection.ts";
import { KafkaMailWatch } from "../../internal/platform/kafka/mail-watch.ts";
import { readTopic } from "../../internal/platform/kafka/read-topic.ts";
import type { RoleContext } from "../../internal/platform/lifecycle.ts";
import type { DatabaseName } from "../../schemas/migrations.ts";
import { TOPICS } from "../../schemas/topics.ts";
import { type ConsoleDatabases, kafkaOptionsOf } from "./sources.ts";

const INTERVAL_MS = 500;
/** Nobody waits for a run that nobody has started. */
const IDLE_INTERVAL_MS = 4_000;

/** Batches of this many runs are in flight at once: one that waits for a service that is down holds up no other run. */
const EXECUTORS = 3;

/** A console that may only read makes no plans and executes none: it may be on a standby of the database. */
export function startRuns(
  { pages, background }: Readonly<Record<keyof ConsoleDatabases, Readonly<Record<DatabaseName, Sql>>>>,
  { settings, isReadOnly }: { readonly settings: KafkaSettings; readonly isReadOnly: boolean },
  context: Pick<RoleContext<unknown>, "resources" | "log" | "stopping">,
): BulkContext {
  const kafka = kafkaOptionsOf(settings);
  const bulk: BulkContext = {
    ...databasesFrom(pages),
    readDeadLetters: () => readTopic({ ...kafka.pages, topic: TOPICS.deadLetters }),
    objection: objectionToReplay,
    clock: systemClock,
    newId,
  };
  if (isReadOnly) return bulk;
  const options = {
    ...bulk,
    ...databasesFrom(background),
    readDeadLetters: () => readTopic({ ...kafka.background, topic: TOPICS.deadLetters }),
    planId: null,
    signal: context.stopping,
  };
  for (let number = 1; number <= EXECUTORS; number += 1) {
    const executor = new RunExecutor({
      ...options,
      mails: new KafkaMailWatch(kafka.background),
      executor: `checkout-console on ${hostname()}, pid ${process.pid}, ${crypto.randomUUID().slice(0, 8)}`,
    });
    startExecutor(executor, number === 1 ? "executor of runs" : `executor of runs ${number}`, context);
  }
  return bulk;
}

function startExecutor(
  executor: RunExecutor,
  name: string,
  context: Pick<RoleContext<unknown>, "resources" | "log" | "stopping">,
): void {
  // Without the database nothing can be released: the lease runs out by itself, and the role stops cleanly.
  context.resources.defer(`lease of ${name}`, () =>
    executor[Symbol.asyncDispose]().catch((error: unknown) =>
      context.log.warn(
        { err: error },
        "the runs of this console are free for others only when their lease ends",
      ),
    ),
  );
  runLoop(context, {
    name,
    runOnce: () => executor.runOnce(),
    intervalMs: INTERVAL_MS,
    idleIntervalMs: IDLE_INTERVAL_MS,
  });
}

function databasesFrom(
  databases: Readonly<Record<DatabaseName, Sql>>,
): Pick<BulkContext, "saga" | "databases" | "database"> {
  return {
    saga: databases.saga,
    databases: async () => databases,
    database: async (name) => databases[name],
  };
}
