// Parses the command lines of the benchmark, the chaos run, the model, the history and the mutation run. A wrong argument is reported
// in one line, with exit code 2.
import { parseArgs, type ParseArgsConfig } from "node:util";

/** Prints the error with a pointer to the help of `bun run ${program}`, and exits. */
export function wrong(program: string, what: string): never {
  console.error(`${what}; see bun run ${program} --help`);
  process.exit(2);
}

/** `parseArgs`, but errors go to `wrong`. */
export function parseOptions<Config extends ParseArgsConfig>(
  program: string,
  config: Config,
): ReturnType<typeof parseArgs<Config>> {
  try {
    return parseArgs(config);
  } catch (error) {
    return wrong(program, error instanceof Error ? error.message : String(error));
  }
}
