// What is wrong with settings, as a list. For the tests of the config parser.
import { ConfigError } from "../platform/config.ts";

/** Empty if `parse` accepts them. */
export function faultsIn(parse: () => unknown): readonly string[] {
  try {
    parse();
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
  return [];
}
