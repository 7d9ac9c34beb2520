// What the processes of the system hold and do besides CPU, from /proc: memory, disk writes, context switches. Linux only. Read
// before and after a run, because reading it is work itself: memory maps and threads are walked.
import { readdirSync, readFileSync } from "node:fs";
import { membersByGroup, type ProcessGroup } from "../processes.ts";

/** Sums over a group and its descendants since their start. */
export interface Usage {
  /** Bytes sent to the disk; what was deleted before it got there is not counted. */
  readonly writtenBytes: number;
  /** Times a thread waited for something. */
  readonly voluntarySwitches: number;
  /** Times a thread was sent away from its core. */
  readonly involuntarySwitches: number;
}

export function usageByGroup(groups: readonly ProcessGroup[]): Map<string, Usage> {
  return new Map(
    Array.from(membersByGroup(groups), ([name, pids]) => {
      let [writtenBytes, voluntarySwitches, involuntarySwitches] = [0, 0, 0];
      for (const pid of pids) {
        const io = read(`/proc/${pid}/io`);
        writtenBytes += numberIn(io, "write_bytes") - numberIn(io, "cancelled_write_bytes");
        for (const thread of threadsOf(pid)) {
          const status = read(`/proc/${pid}/task/${thread}/status`);
          voluntarySwitches += numberIn(status, "voluntary_ctxt_switches");
          involuntarySwitches += numberIn(status, "nonvoluntary_ctxt_switches");
        }
      }
      return [name, { writtenBytes, voluntarySwitches, involuntarySwitches }];
    }),
  );
}

/** Memory of each group in bytes: PSS, which shares what several processes have in common among them. */
export function memoryByGroup(groups: readonly ProcessGroup[]): Record<string, number> {
  return Object.fromEntries(
    Array.from(membersByGroup(groups), ([name, pids]) => [
      name,
      pids.reduce((sum, pid) => sum + 1_024 * numberIn(read(`/proc/${pid}/smaps_rollup`), "Pss"), 0),
    ]),
  );
}

function threadsOf(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

/** Empty where the process has gone meanwhile, or is not ours to look at. */
function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

function numberIn(text: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(text)?.[1] ?? 0);
}
