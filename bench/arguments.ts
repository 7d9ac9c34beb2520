// The command lines of the benchmark, the chaos run and the suites beside the tests (model, mutants): what is wrong with one is told in a line, with exit code 2.
import { parseArgs, type ParseArgsConfig } from "node:util";

/** Ends the process, pointing to the help of `bun run ${program}`. */
export function wrong(program: string, what: string): never {
  console.error(`${what}; see bun run ${program} --help`);
  process.exit(2);
}

/** `parseArgs`, but for how it fails. */
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
