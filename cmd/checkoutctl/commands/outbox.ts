// `checkoutctl outbox`: publishes outbox messages again (outbox-republish.ts), and restores lost outbox messages from Kafka.
import { Option } from "@commander-js/extra-typings";
import { restoreOutbox } from "../../../internal/operations/restore-outbox.ts";
import { readTopic } from "../../../internal/platform/kafka/read-topic.ts";
import { DATABASES } from "../../../schemas/migrations.ts";
import { group, operatorCommand, print, table } from "../command.ts";
import { Connections } from "../connections.ts";
import { loadSettings } from "../settings.ts";
import { planCommand, republishCommand } from "./outbox-republish.ts";

const restoreCommand = operatorCommand(
  "restore",
  "after a restore of a database from a backup: write the messages that its outbox lost back from Kafka",
)
  .addOption(
    new Option("--database <name>", "the restored database").choices(DATABASES).makeOptionMandatory(),
  )
  .option("--dry-run", "only count the lost messages")
  .action(async ({ database, dryRun = false, reason, ...options }) => {
    await using connections = new Connections(loadSettings(options.stack));
    const actor = await connections.actor();
    const outbox = await connections.database(database);
    const trail = database === "saga" ? outbox : await connections.database("saga");
    const report = await restoreOutbox({
      database,
      outbox,
      trail,
      readTopic: (topic) => readTopic({ ...connections.kafka(), topic }),
      clock: { now: () => Date.now() },
      newId: () => Bun.randomUUIDv7(),
      actor,
      reason,
      dryRun,
    });
    print(options, { dry_run: dryRun, ...report }, () =>
      table(
        ["TOPIC", dryRun ? "LOST" : "WRITTEN BACK"],
        report.topics.map(({ topic, messages }) => [topic, messages]),
      ),
    );
  });

export const outboxCommand = group("outbox", "the messages that the services keep for publishing")
  .addCommand(planCommand)
  .addCommand(republishCommand)
  .addCommand(restoreCommand);
