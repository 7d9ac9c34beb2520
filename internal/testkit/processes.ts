// Lists running processes that belong to a directory, by command line or working directory. For tests that check that no process
// is left behind.
import { readlinkSync } from "node:fs";
import { commandOf } from "../../bench/processes.ts";

/** One line each: the process id and its command. */
export function processesOf(directory: string): string[] {
  const running: string[] = [];
  for (const pid of new Bun.Glob("[0-9]*").scanSync({ cwd: "/proc", onlyFiles: false })) {
    const command = commandOf(Number(pid));
    if (command === "") continue;
    if (command.includes(directory) || workingDirectoryOf(pid).startsWith(directory))
      running.push(`${pid} ${command}`);
  }
  return running;
}

function workingDirectoryOf(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return "";
  }
}
