// Starts the relay, which publishes the outboxes of the configured databases to Kafka. Wiring only.
import { PUBLISHER_GRACE_MS } from "../../internal/messaging/publisher.ts";
import { relayMetrics } from "../../internal/messaging/telemetry.ts";
import { systemClock } from "../../internal/platform/clock.ts";
import { runRole } from "../../internal/platform/lifecycle.ts";
import { accountOf, config, databasesOf, faultsOf } from "./config.ts";
import { startDraining } from "./draining.ts";
import { NAME, openProducers } from "./producers.ts";

await runRole({
  name: NAME,
  description: "Publishes the messages in the services' outboxes to Kafka.",
  config,
  faults: faultsOf,
  kafkaAccounts: (env) => databasesOf(env).map(({ name }) => accountOf(env, name)),
  async start(context) {
    const { config: env, log, metrics, tracer } = context;
    const databases = await openProducers(context, databasesOf(env));
    const options = {
      clock: systemClock,
      metrics: relayMetrics(metrics),
      log,
      tracer,
      graceMs: PUBLISHER_GRACE_MS,
    };
    for (const { producer, ...database } of databases)
      startDraining(context, database, { ...options, producer });
  },
});
