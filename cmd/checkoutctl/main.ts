// checkoutctl, the operator's tool. Results go to stdout, errors to stderr, one line each. program.ts has the commands, exit.ts the exit
// codes.
import { CommanderError } from "commander";
import { ConfigError } from "../../internal/platform/config.ts";
import { exitCodeOf, sayingOf } from "./exit.ts";
import { programFor } from "./program.ts";

try {
  const program = await programFor(process.argv.slice(2));
  await program.parseAsync();
} catch (error) {
  // Commander has already printed its own errors.
  if (!(error instanceof CommanderError)) {
    const lines = error instanceof ConfigError ? error.faults : [sayingOf(error)];
    for (const line of lines) process.stderr.write(`checkoutctl: ${line}\n`);
  }
  process.exitCode = exitCodeOf(error);
}
