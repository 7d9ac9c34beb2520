// checkoutctl, the operator's tool. Wiring only: each file in commands/ parses options, calls code in internal/ and prints.
// Results go to stdout, errors to stderr, one line each. exit.ts lists the exit codes.
import { Command } from "@commander-js/extra-typings";
import { CommanderError } from "commander";
import { describeError } from "../../internal/kernel/errors.ts";
import { ConfigError, describeConfig } from "../../internal/platform/config.ts";
import { version } from "../../package.json";
import { auditCommand } from "./commands/audit.ts";
import { catalogueCommand } from "./commands/catalogue.ts";
import { dlqCommand } from "./commands/dlq.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { keysCommand } from "./commands/keys.ts";
import { migrateCommand } from "./commands/migrate.ts";
import { orderCommand } from "./commands/order.ts";
import { outboxCommand } from "./commands/outbox.ts";
import { paymentsCommand } from "./commands/payments.ts";
import { runCommand } from "./commands/run.ts";
import { sagaCommand } from "./commands/saga.ts";
import { sessionCommand } from "./commands/session.ts";
import { shopperCommand } from "./commands/shopper.ts";
import { storefrontCommand } from "./commands/storefront.ts";
import { tokenCommand } from "./commands/token.ts";
import { topCommand } from "./commands/top.ts";
import { topicsCommand } from "./commands/topics.ts";
import { exitCodeOf } from "./exit.ts";
import { Environment } from "./settings.ts";

const program = new Command("checkoutctl")
  .description("Operates the checkout saga: schema, topics, catalogue, sagas, orders, dead letters, audit.")
  .version(version)
  .exitOverride()
  .addCommand(migrateCommand)
  .addCommand(topicsCommand)
  .addCommand(catalogueCommand)
  .addCommand(doctorCommand)
  .addCommand(topCommand)
  .addCommand(auditCommand)
  .addCommand(sagaCommand)
  .addCommand(orderCommand)
  .addCommand(dlqCommand)
  .addCommand(runCommand)
  .addCommand(outboxCommand)
  .addCommand(paymentsCommand)
  .addCommand(shopperCommand)
  .addCommand(sessionCommand)
  .addCommand(storefrontCommand)
  .addCommand(keysCommand)
  .addCommand(tokenCommand)
  .addHelpText(
    "after",
    `\nEnvironment:\n${describeConfig(Environment)}\n\nExit codes: 0 ok, 1 doctor found a problem, 2 usage, 3 refused or violations found, 4 a server does not answer, 78 configuration, 130 interrupted.`,
  );

try {
  await program.parseAsync();
} catch (error) {
  // Commander has already printed its own errors.
  if (!(error instanceof CommanderError)) {
    const lines = error instanceof ConfigError ? error.faults : [describeError(error)];
    for (const line of lines) process.stderr.write(`checkoutctl: ${line}\n`);
  }
  process.exitCode = exitCodeOf(error);
}
