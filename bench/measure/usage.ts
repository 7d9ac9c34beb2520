// Memory, disk writes and context switches of the processes, from /proc. Linux only. Read before and after a run, because reading is
// expensive: it walks memory maps and threads.
import { readdirSync, readFileSync } from "node:fs";
import { membersByGroup, type ProcessGroup } from "../processes.ts";

/** Sums over a group and its descendants since their start. */
export interface Usage {
  /** Bytes written to disk, without data that was deleted before. */
  readonly writtenBytes: number;
  /** Times a thread waited. */
  readonly voluntarySwitches: number;
  /** Times a thread was preempted. */
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

/** Memory of each group in bytes: PSS, which divides shared memory among its processes. */
export function memoryByGroup(groups: readonly ProcessGroup[]): Record<string, number> {
  return Object.fromEntries(
    Array.from(membersByGroup(groups), ([name, pids]) => [
      name,
      pids.reduce((sum, pid) => sum + 1_024 * numberIn(read(`/proc/${pid}/smaps_rollup`), "Pss"), 0),
    ]),
  );
}

/** The ids of its threads; none if it has ended. */
export function threadsOf(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

/** A file below /proc; empty if the process has ended or may not be read. */
export function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

/** The figure of a line `name: N` of such a file; 0 without it. */
export function numberIn(text: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(text)?.[1] ?? 0);
}
