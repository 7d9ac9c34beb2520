// The relay as a process of its own: wiring only. Drains the outboxes of the databases it is given into Kafka.
import { Type } from "@sinclair/typebox";
import { OUTBOX_CHANNEL } from "../../internal/messaging/outbox.ts";
import { Relay, RELAY_DELIVERY_TIMEOUT_MS } from "../../internal/messaging/relay.ts";
import { PUBLISHER_GRACE_MS } from "../../internal/messaging/publisher.ts";
import { relayMetrics } from "../../internal/messaging/telemetry.ts";
import { runLoop } from "../../internal/platform/background-loop.ts";
import { commonConfig, kafkaConfig, secret } from "../../internal/platform/config.ts";
import { systemClock } from "../../internal/platform/consuming-role.ts";
import { logEvents } from "../../internal/platform/kafka/log-events.ts";
import { openReconnectingProducer } from "../../internal/platform/kafka/reconnecting-producer.ts";
import { runRole } from "../../internal/platform/lifecycle.ts";
import { openPostgres } from "../../internal/platform/postgres.ts";
import { requireSchema } from "../../internal/platform/schema-check.ts";
import { DATABASES, messagingMigration } from "../../schemas/migrations.ts";
import { DEAD_LETTER_MAX_BYTES } from "../../schemas/topics.ts";

/** The safety net under LISTEN/NOTIFY. */
const POLL_INTERVAL_MS = 250;
/** A role that died may have left something that nobody tells of, and a shopper waits for it. */
const IDLE_POLL_INTERVAL_MS = 500;
const MEASURE_INTERVAL_MS = 2_000;
/** One transaction for the relay, one for the measuring and the start. */
const POOL_SIZE = 2;

const config = Type.Object({
  ...commonConfig,
  ...kafkaConfig,
  DATABASE_URLS: secret(
    Type.String({
      format: "named-postgres-urls",
      description: "the databases to drain",
    }),
  ),
});

await runRole({
  name: "checkout-relay",
  description: "Publishes to Kafka what the services have written to their outboxes.",
  config,
  async start(context) {
    const { config: env, log, metrics, ops, resources, stopping, untilReachable } = context;
    const producer = resources.use(
      "kafka producer",
      await untilReachable("Kafka (KAFKA_BROKERS)", () =>
        openReconnectingProducer({
          brokers: env.KAFKA_BROKERS,
          clientId: "checkout-relay",
          onEvent: logEvents(log, "the producer", systemClock),
          deliveryTimeoutMs: RELAY_DELIVERY_TIMEOUT_MS,
          settings: { "message.max.bytes": DEAD_LETTER_MAX_BYTES },
        }),
      ),
    );
    const shared = {
      producer,
      clock: systemClock,
      metrics: relayMetrics(metrics),
      log,
      graceMs: PUBLISHER_GRACE_MS,
    };
    for (const [name, url] of env.DATABASE_URLS.split(",").map(splitNamed)) {
      const database = resources.use(
        `postgres ${name}`,
        openPostgres({ url, poolSize: POOL_SIZE, applicationName: "checkout-relay" }),
      );
      ops.addCheck(`postgres ${name}`, () => database.ready());
      const schema = { owner: DATABASES.find((known) => known === name), migrations: [messagingMigration] };
      ops.addCheck(`schema ${name}`, () => requireSchema(database.sql, schema));
      const relay = new Relay({ ...shared, database, databaseName: name });
      runLoop(context, {
        name: `gauges of ${name}`,
        runOnce: () => relay.measure(),
        intervalMs: MEASURE_INTERVAL_MS,
      });
      const publish = runLoop(context, {
        name: `relay of ${name}`,
        runOnce: () => relay.runOnce(),
        intervalMs: POLL_INTERVAL_MS,
        idleIntervalMs: IDLE_POLL_INTERVAL_MS,
        lingerMs: () => relay.lingerMs,
      });
      // Not awaited: a database that is away at the start must hold up no other, and the poll needs no notification.
      untilReachable(`notifications of ${name}`, async () => {
        await database.ready();
        await database.listen(OUTBOX_CHANNEL, () => {
          relay.wake();
          publish.wake();
        });
        // What was said before somebody listened.
        relay.wake();
        publish.wake();
      }).catch((error: unknown) => {
        // What waiting cannot cure ends the process.
        if (!stopping.aborted) throw error;
        log.info({ err: error, database: name }, "stopped before it could listen");
      });
    }
  },
});

/** `name=url`; the config's format has seen to both. */
function splitNamed(text: string): readonly [name: string, url: string] {
  const at = text.indexOf("=");
  return [text.slice(0, at), text.slice(at + 1)];
}
