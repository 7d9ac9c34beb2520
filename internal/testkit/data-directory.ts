// Where the servers of the tests keep their data: in memory if the machine has plenty, otherwise on disk. Tests check what happens when a
// process dies, not when a machine loses power; on two cores a third of a new stack's CPU time went into writing its first files.
// (bench/chaos has full and slow disks.)
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { REPOSITORY } from "../stack/paths.ts";
import { stateFile } from "../stack/state.ts";
import { wipe } from "../stack/wipe.ts";
import { processesOf } from "./processes.ts";

const IN_MEMORY = "/dev/shm";
const GIB = 1_024 ** 3;
/** Measured with five stacks at once: 1.7 GB of data, 7.4 GB of memory in all. */
const MIN_FREE_BYTES = 6 * GIB;
const MIN_AVAILABLE_BYTES = 14 * GIB;
/** A container's limit; /proc/meminfo shows the whole machine. */
const CGROUP = "/sys/fs/cgroup";

/** Where a directory is: in memory if there is plenty, or always on disk (some systems do not run programs from /dev/shm). */
export type Place = "in memory" | "on disk";

/** A new directory for the data of one test's servers. Postgres, which does not run as root, can reach its own data inside. */
export function newDataDirectory(name: string, place: Place = "in memory"): string {
  const parent = parentIn(place === "in memory" && hasMemory() ? IN_MEMORY : tmpdir());
  mkdirSync(parent, { recursive: true });
  const directory = mkdtempSync(join(parent, `${name}-`));
  // Without this no other user gets in, and Postgres would keep its data elsewhere (unprivileged.ts).
  for (const path of [parent, directory]) chmodSync(path, 0o711);
  return directory;
}

/** Removes what interrupted runs have left, unless a process is using it. */
export function removeDataDirectories(): void {
  for (const parent of PARENTS) {
    if (!existsSync(parent)) continue;
    const users = processesOf(parent);
    if (users.length > 0) {
      console.log(`  ${parent} is still in use, so it stays:\n    ${users.join("\n    ")}`);
      continue;
    }
    for (const name of readdirSync(parent)) {
      const directory = join(parent, name);
      if (existsSync(stateFile(directory))) wipe(directory);
    }
    rmSync(parent, { recursive: true, force: true });
  }
}

/** One per checkout and user, so that a run finds what an interrupted one has left, and touches nothing else. */
function parentIn(place: string): string {
  const digest = createHash("sha256").update(REPOSITORY).digest("hex").slice(0, 8);
  return join(place, `checkout-tests-${process.getuid?.() ?? 0}-${digest}`);
}

const PARENTS = [parentIn(IN_MEMORY), parentIn(tmpdir())];

/** Whether this machine, or container, has enough memory for five stacks and their data. */
export function hasMemory(): boolean {
  // Containers often have only 64 MB there.
  if (!existsSync(IN_MEMORY)) return false;
  const { bavail, bsize } = statfsSync(IN_MEMORY);
  const available = /^MemAvailable: +(\d+) kB$/m.exec(readFileSync("/proc/meminfo", "utf8"))?.[1];
  const bytes = Math.min(Number(available) * 1_024, containerBytes());
  return bavail * bsize >= MIN_FREE_BYTES && bytes >= MIN_AVAILABLE_BYTES;
}

/** What the container's limit leaves; infinite without a limit. */
function containerBytes(): number {
  const read = (file: string) => {
    const path = join(CGROUP, file);
    return existsSync(path) ? Number(readFileSync(path, "utf8")) : Number.NaN;
  };
  const left = read("memory.max") - read("memory.current");
  return Number.isNaN(left) ? Number.POSITIVE_INFINITY : left;
}
