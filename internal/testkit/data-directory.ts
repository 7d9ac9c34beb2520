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
/** Generous: four stacks run at once. */
const MIN_FREE_BYTES = 6 * GIB;
const MIN_AVAILABLE_BYTES = 14 * GIB;

/** A new directory for the data of one test's servers. Postgres, which does not run as root, can reach its own data inside. */
export function newDataDirectory(name: string): string {
  const parent = parentIn(hasMemory() ? IN_MEMORY : tmpdir());
  mkdirSync(parent, { recursive: true });
  const directory = mkdtempSync(join(parent, `${name}-`));
  // mkdtemp closes it to all others. Then Postgres' data would be elsewhere, on disk: see unprivileged.ts.
  chmodSync(directory, 0o711);
  return directory;
}

/** Processes that use a data directory whose name starts with `name`; one line each. */
export function usersOfData(name: string): string[] {
  return PARENTS.flatMap((parent) => processesOf(join(parent, `${name}-`)));
}

/** Removes what interrupted runs have left, unless another run is using it. */
export function removeDataDirectories(): void {
  for (const parent of PARENTS) {
    if (!existsSync(parent) || processesOf(parent).length > 0) continue;
    for (const name of readdirSync(parent)) {
      const directory = join(parent, name);
      if (existsSync(stateFile(directory))) wipe(directory);
    }
    rmSync(parent, { recursive: true, force: true });
  }
}

/** One per checkout, so that a run finds what an interrupted one has left, and touches nothing of another checkout. */
function parentIn(place: string): string {
  const digest = createHash("sha256").update(REPOSITORY).digest("hex").slice(0, 8);
  return join(place, `checkout-tests-${digest}`);
}

const PARENTS = [parentIn(IN_MEMORY), parentIn(tmpdir())];

function hasMemory(): boolean {
  // Containers often have only 64 MB there.
  if (!existsSync(IN_MEMORY)) return false;
  const { bavail, bsize } = statfsSync(IN_MEMORY);
  const available = /^MemAvailable: +(\d+) kB$/m.exec(readFileSync("/proc/meminfo", "utf8"))?.[1];
  return bavail * bsize >= MIN_FREE_BYTES && Number(available) * 1_024 >= MIN_AVAILABLE_BYTES;
}
