// Where the servers of the tests keep their data: in memory if the machine has plenty, otherwise on disk. Tests check what happens when a
// process dies, not when a machine loses power; on two cores nearly half of a new stack's CPU time went into writing its first files.
// (bench/chaos has full and slow disks.)
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { CACHE, REPOSITORY } from "../stack/paths.ts";
import { processesOf } from "./processes.ts";

const IN_MEMORY = "/dev/shm";
const GIB = 1_024 ** 3;
/** Four stacks at once have up to 1 GiB of data each, and their processes need up to 2 GiB each. */
const MIN_FREE_BYTES = 6 * GIB;
const MIN_AVAILABLE_BYTES = 14 * GIB;

/** A new directory for the data of one test's servers. Postgres, which does not run as root, can reach its own data inside. */
export function newDataDirectory(name: string): string {
  const parent = hasMemory() ? memoryDirectory() : join(CACHE, "tests");
  mkdirSync(parent, { recursive: true });
  const directory = mkdtempSync(join(parent, `${name}-`));
  // mkdtemp closes it to all others. Then Postgres' data would be elsewhere, on disk: see unprivileged.ts.
  chmodSync(directory, 0o711);
  return directory;
}

/** Removes what an interrupted run has left in memory, unless another run is using it. */
export function removeDataDirectories(): void {
  const directory = memoryDirectory();
  if (processesOf(directory).length === 0) rmSync(directory, { recursive: true, force: true });
}

/** One per checkout, so that a run finds what an interrupted one has left, and touches nothing of another checkout. */
function memoryDirectory(): string {
  const digest = createHash("sha256").update(REPOSITORY).digest("hex").slice(0, 8);
  return join(IN_MEMORY, `checkout-tests-${digest}`);
}

function hasMemory(): boolean {
  // Containers often have only 64 MB there.
  if (!existsSync(IN_MEMORY)) return false;
  const { bavail, bsize } = statfsSync(IN_MEMORY);
  const available = /^MemAvailable: +(\d+) kB$/m.exec(readFileSync("/proc/meminfo", "utf8"))?.[1];
  return bavail * bsize >= MIN_FREE_BYTES && Number(available) * 1_024 >= MIN_AVAILABLE_BYTES;
}
