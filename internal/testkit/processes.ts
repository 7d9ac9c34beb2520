// Which processes still run that have to do with a directory: by their command line, or because they work in it. For the tests
// that must see nothing left behind.
import { readFileSync, readlinkSync } from "node:fs";

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

/** Empty for a process that has gone or is only waiting to be buried. */
export function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return "";
  }
}

function workingDirectoryOf(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return "";
  }
}
