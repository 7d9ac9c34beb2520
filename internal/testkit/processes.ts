// Lists running processes that belong to a directory, by command line or working directory. For tests that check that no process
// is left behind.
import { commandOf, processStats, workingDirectoryOf } from "../../bench/processes.ts";

/** One line each: the process id and its command. */
export function processesOf(directory: string): string[] {
  const running: string[] = [];
  for (const pid of processStats().keys()) {
    const command = commandOf(pid);
    if (command === "") continue;
    if (command.includes(directory) || workingDirectoryOf(pid).startsWith(directory))
      running.push(`${pid} ${command}`);
  }
  return running;
}
