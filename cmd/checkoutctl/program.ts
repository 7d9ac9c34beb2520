// The tree of commands of checkoutctl: each file in commands/ parses options, calls code in internal/ and prints. Run by main.ts; the
// reference (docs/cli.md) and tests read it.
import { Command, type CommandUnknownOpts } from "@commander-js/extra-typings";
import { describeConfig } from "../../internal/platform/config.ts";
import { version } from "../../package.json";
import { Environment } from "./settings.ts";

/** By their first word, in the order of the help. Each loads what it needs, so a start should load no other. */
const COMMANDS: Readonly<Record<string, () => Promise<CommandUnknownOpts>>> = {
  migrate: async () => (await import("./commands/migrate.ts")).migrateCommand,
  grants: async () => (await import("./commands/grants.ts")).grantsCommand,
  topics: async () => (await import("./commands/topics.ts")).topicsCommand,
  acl: async () => (await import("./commands/acl.ts")).aclCommand,
  catalogue: async () => (await import("./commands/catalogue.ts")).catalogueCommand,
  doctor: async () => (await import("./commands/doctor.ts")).doctorCommand,
  top: async () => (await import("./commands/top.ts")).topCommand,
  cost: async () => (await import("./commands/cost.ts")).costCommand,
  audit: async () => (await import("./commands/audit.ts")).auditCommand,
  find: async () => (await import("./commands/find.ts")).findCommand,
  saga: async () => (await import("./commands/saga.ts")).sagaCommand,
  order: async () => (await import("./commands/order.ts")).orderCommand,
  dlq: async () => (await import("./commands/dlq.ts")).dlqCommand,
  run: async () => (await import("./commands/run.ts")).runCommand,
  outbox: async () => (await import("./commands/outbox.ts")).outboxCommand,
  repair: async () => (await import("./commands/repair.ts")).repairCommand,
  payments: async () => (await import("./commands/payments.ts")).paymentsCommand,
  shopper: async () => (await import("./commands/shopper.ts")).shopperCommand,
  session: async () => (await import("./commands/session.ts")).sessionCommand,
  storefront: async () => (await import("./commands/storefront.ts")).storefrontCommand,
  keys: async () => (await import("./commands/keys.ts")).keysCommand,
  token: async () => (await import("./commands/token.ts")).tokenCommand,
  completion: async () => (await import("./commands/completion.ts")).completionCommand,
};

/** Every command: for what lists them, such as the help. */
export function wholeProgram(): Promise<Command> {
  return programWith(Object.keys(COMMANDS));
}

/** As much of the program as these arguments need: a command alone, for example. */
export function programFor([first = ""]: readonly string[]): Promise<Command> {
  if (first === "--version" || first === "-V") return programWith([]);
  // The script of `completion` has every command.
  return Object.hasOwn(COMMANDS, first) && first !== "completion" ? programWith([first]) : wholeProgram();
}

async function programWith(names: readonly string[]): Promise<Command> {
  const program = new Command("checkoutctl")
    .description("Operates the checkout saga: schema, topics, catalogue, sagas, orders, dead letters, audit.")
    .version(`${version} (Bun ${Bun.version})`)
    .exitOverride()
    .addHelpText(
      "after",
      () =>
        `\nEnvironment (with --stack after a command, or where nothing is set, all come from a local stack):\n${describeConfig(Environment)}\n\nExit codes: 0 ok, 1 doctor found a problem or could check nothing, 2 usage, 3 refused or violations found, 4 a server does not answer, 78 configuration, 130 interrupted.`,
    );
  for (const name of names) {
    const load = COMMANDS[name];
    if (load !== undefined) program.addCommand(await load());
  }
  return program;
}
