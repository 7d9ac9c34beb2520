// The tree of commands of checkoutctl: each file in commands/ parses options, calls code in internal/ and prints. Run by main.ts; the
// reference (docs/cli.md) and tests read it.
import { Command } from "@commander-js/extra-typings";
import { describeConfig } from "../../internal/platform/config.ts";
import { version } from "../../package.json";
import { aclCommand } from "./commands/acl.ts";
import { auditCommand } from "./commands/audit.ts";
import { catalogueCommand } from "./commands/catalogue.ts";
import { completionCommand } from "./commands/completion.ts";
import { costCommand } from "./commands/cost.ts";
import { dlqCommand } from "./commands/dlq.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { findCommand } from "./commands/find.ts";
import { grantsCommand } from "./commands/grants.ts";
import { keysCommand } from "./commands/keys.ts";
import { migrateCommand } from "./commands/migrate.ts";
import { orderCommand } from "./commands/order.ts";
import { outboxCommand } from "./commands/outbox.ts";
import { paymentsCommand } from "./commands/payments.ts";
import { repairCommand } from "./commands/repair.ts";
import { runCommand } from "./commands/run.ts";
import { sagaCommand } from "./commands/saga.ts";
import { sessionCommand } from "./commands/session.ts";
import { shopperCommand } from "./commands/shopper.ts";
import { storefrontCommand } from "./commands/storefront.ts";
import { tokenCommand } from "./commands/token.ts";
import { topCommand } from "./commands/top.ts";
import { topicsCommand } from "./commands/topics.ts";
import { Environment } from "./settings.ts";

export const program = new Command("checkoutctl")
  .description("Operates the checkout saga: schema, topics, catalogue, sagas, orders, dead letters, audit.")
  .version(`${version} (Bun ${Bun.version})`)
  .exitOverride()
  .addCommand(migrateCommand)
  .addCommand(grantsCommand)
  .addCommand(topicsCommand)
  .addCommand(aclCommand)
  .addCommand(catalogueCommand)
  .addCommand(doctorCommand)
  .addCommand(topCommand)
  .addCommand(costCommand)
  .addCommand(auditCommand)
  .addCommand(findCommand)
  .addCommand(sagaCommand)
  .addCommand(orderCommand)
  .addCommand(dlqCommand)
  .addCommand(runCommand)
  .addCommand(outboxCommand)
  .addCommand(repairCommand)
  .addCommand(paymentsCommand)
  .addCommand(shopperCommand)
  .addCommand(sessionCommand)
  .addCommand(storefrontCommand)
  .addCommand(keysCommand)
  .addCommand(tokenCommand)
  .addCommand(completionCommand)
  .addHelpText(
    "after",
    `\nEnvironment:\n${describeConfig(Environment)}\n\nExit codes: 0 ok, 1 doctor found a problem, 2 usage, 3 refused or violations found, 4 a server does not answer, 78 configuration, 130 interrupted.`,
  );
