// Drains one outbox: publishes waiting messages, on notification and by polling, and measures the backlog.
import { OUTBOX_CHANNEL } from "../../internal/messaging/outbox.ts";
import { Relay, type RelayOptions } from "../../internal/messaging/relay.ts";
import { runLoop } from "../../internal/platform/background-loop.ts";
import type { RoleContext } from "../../internal/platform/lifecycle.ts";
import { watchAccess } from "../../internal/platform/kafka/watch-access.ts";
import { openPostgres } from "../../internal/platform/postgres.ts";
import { requireSchema, sayIfOwner } from "../../internal/platform/schema-check.ts";
import { watchRefusals } from "../../internal/platform/watch-refusals.ts";
import { watchRights } from "../../internal/platform/watch-rights.ts";
import { messagingMigration } from "../../schemas/migrations.ts";
import { outboxRule } from "../../schemas/outbox-rules.ts";
import type { OutboxDatabase } from "./config.ts";

/** Fallback for lost LISTEN/NOTIFY notifications. */
const POLL_INTERVAL_MS = 250;
/**
 * While nothing waits at all, however young. What a transaction writes that begins after such a look is not due before PUBLISHER_GRACE_MS. The
 * next look comes before that, also with the jitter of the loop, sees it, and returns to POLL_INTERVAL_MS. So it is sent no later than with a
 * poll each POLL_INTERVAL_MS. What a transaction writes that was open during the look may be later, by at most the time that this one took.
 */
const IDLE_POLL_INTERVAL_MS = 1_500;
const MEASURE_INTERVAL_MS = 2_000;
/** While nothing waits. Alerts count in tens of seconds. */
const IDLE_MEASURE_INTERVAL_MS = 8_000;
/** One connection for the relay, one for measurements and startup. */
const POOL_SIZE = 2;

/** Runs until the role stops. A database that is down does not delay the others. */
export function startDraining(
  context: RoleContext<unknown>,
  { name, url }: OutboxDatabase,
  options: Omit<RelayOptions, "database" | "databaseName" | "rule">,
): void {
  const { ops, resources } = context;
  const database = resources.use(
    `postgres ${name}`,
    openPostgres({ url, poolSize: POOL_SIZE, applicationName: "checkout-relay" }),
  );
  ops.addCheck(`postgres ${name}`, () => database.ready());
  watchRefusals(context, name, () => database.denied());
  const schema = { owner: name, migrations: [messagingMigration] };
  ops.addCheck(`schema ${name}`, () => requireSchema(database.sql, schema));
  const relay = new Relay({ ...options, database, databaseName: name, rule: outboxRule(name) });
  watchAccess(context, `the producer of ${name}`, () => relay.denied());
  watchRights(context, { sql: database.sql, database: name, role: "relay" });
  runLoop(context, {
    name: `gauges of ${name}`,
    runOnce: () => relay.measure(),
    intervalMs: MEASURE_INTERVAL_MS,
    idleIntervalMs: IDLE_MEASURE_INTERVAL_MS,
  });
  const publish = runLoop(context, {
    name: `relay of ${name}`,
    runOnce: () => relay.runOnce(),
    intervalMs: POLL_INTERVAL_MS,
    idleIntervalMs: IDLE_POLL_INTERVAL_MS,
    lingerMs: () => relay.lingerMs,
  });
  const wake = () => {
    relay.wake();
    publish.wake();
  };
  listen(context, name, async () => {
    await database.ready();
    await database.listen(OUTBOX_CHANNEL, wake, () => {
      relay.reconnected();
      publish.wake();
    });
    // Notifications before this LISTEN are lost, so look once.
    wake();
    // Last, so that a step that is repeated says it once.
    await sayIfOwner(database.sql, context.log, name);
  });
}

/** Not awaited: polling works without notifications. An error that a retry cannot fix ends the process. */
function listen(
  { log, stopping, untilReachable }: RoleContext<unknown>,
  name: string,
  connect: () => Promise<void>,
): void {
  untilReachable(`notifications of ${name}`, connect).catch((error: unknown) => {
    if (!stopping.aborted) throw error;
    log.info({ err: error, database: name }, "the relay stopped before it could listen for notifications");
  });
}
