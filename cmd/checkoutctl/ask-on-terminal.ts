// Asks for a typed confirmation on the terminal. Called by the commands that need one.
import { createInterface } from "node:readline/promises";

/** Returns what was typed, without surrounding spaces. Call it only if stdin is a terminal. */
export async function askOnTerminal(question: string): Promise<string> {
  // Not to stdout: only the result goes there.
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return (await terminal.question(question)).trim();
  } finally {
    terminal.close();
  }
}
