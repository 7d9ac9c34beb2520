// Processes, read from /proc: parents, CPU, command and working directory. Linux only. Used by the load scenarios, by the chaos run to prove
// that a process is ours, and by tests that look for processes left behind.
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** Clock ticks per second; 100 on every Debian kernel (getconf CLK_TCK). */
const TICKS_PER_SECOND = 100;

export interface ProcessGroup {
  readonly name: string;
  readonly pid: number;
}

export interface ProcessStat {
  readonly parent: number;
  /** CPU of the process and of its ended children, in ms. */
  readonly cpuMs: number;
  /** That of its ended children alone, in ms. */
  readonly endedChildrenMs: number;
}

/** CPU used so far by each group and all its descendants, in ms, by name. */
export function cpuMsByGroup(groups: readonly ProcessGroup[]): Map<string, number> {
  const stats = processStats();
  const cpuOf = (pid: number) => stats.get(pid)?.cpuMs ?? 0;
  return new Map(
    Array.from(membersByGroup(groups, stats), ([name, pids]) => [
      name,
      pids.reduce((sum, pid) => sum + cpuOf(pid), 0),
    ]),
  );
}

/** The process ids of each group and all its descendants, by name. */
export function membersByGroup(
  groups: readonly ProcessGroup[],
  stats: ReadonlyMap<number, ProcessStat> = processStats(),
): Map<string, number[]> {
  const owner = new Map(groups.map(({ name, pid }) => [pid, name]));
  const members = new Map<string, number[]>(groups.map(({ name }) => [name, []]));
  for (const pid of stats.keys()) {
    const name = ownerOf(pid, owner, stats);
    if (name !== null) members.get(name)?.push(pid);
  }
  return members;
}

/** Every process of the machine, by process id. */
export function processStats(): Map<number, ProcessStat> {
  const stats = new Map<number, ProcessStat>();
  for (const entry of readdirSync("/proc")) {
    const pid = Number(entry);
    const stat = Number.isInteger(pid) ? readStat(pid) : null;
    if (stat !== null) stats.set(pid, stat);
  }
  return stats;
}

/** The command line of a process; empty if it has ended or is a zombie. */
export function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return "";
  }
}

/** The working directory of a process; empty if it has ended or may not be looked at. */
export function workingDirectoryOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return "";
  }
}

function ownerOf(
  pid: number,
  owner: ReadonlyMap<number, string>,
  stats: ReadonlyMap<number, ProcessStat>,
): string | null {
  for (let at: number | undefined = pid; at !== undefined && at > 1; at = stats.get(at)?.parent) {
    const name = owner.get(at);
    if (name !== undefined) return name;
  }
  return null;
}

/** Null if the process has ended meanwhile. */
function readStat(pid: number): ProcessStat | null {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return null;
  }
  // The command name may contain spaces and parentheses; the other fields begin after the last parenthesis (proc(5)).
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const field = (index: number) => Number(fields[index]);
  const [parent, user, system, childrenUser, childrenSystem] = [1, 11, 12, 13, 14].map(field);
  const msOf = (ticks: number) => (ticks * 1_000) / TICKS_PER_SECOND;
  const endedChildrenMs = msOf((childrenUser ?? 0) + (childrenSystem ?? 0));
  return { parent: parent ?? 0, cpuMs: msOf((user ?? 0) + (system ?? 0)) + endedChildrenMs, endedChildrenMs };
}
