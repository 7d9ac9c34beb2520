// A separate disk for one Postgres, small enough to fill: a tmpfs mounted over its data directory before the load begins. Needs root.
import { mkdirSync, readFileSync, renameSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { stackCommand } from "../system.ts";
import { dataDirectoryOf } from "../../internal/faults/failover.ts";
import type { Target } from "./target.ts";

const SIZE = "2g";
const GONE_TIMEOUT_MS = 30_000;
const POLL_MS = 50;

/** Why a disk cannot be mounted; null if it can. */
export const disksLack = process.getuid?.() === 0 ? null : "only root can mount a disk";

export class SmallDisk implements AsyncDisposable {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  /** Stops the server, moves its data to a separate disk, and starts it again. */
  static async under(target: Target, server: string): Promise<SmallDisk> {
    const [pid] = target.proven(server);
    const path = dataDirectoryOf(pid);
    const stateFile = mountFile(target.directory);
    await stackCommand(["kill", server, "SIGINT", "--data-dir", target.directory]);
    const deadline = Date.now() + GONE_TIMEOUT_MS;
    while (!target.ended().includes(server)) {
      if (Date.now() > deadline) throw new Error(`${server} does not stop`);
      await Bun.sleep(POLL_MS);
    }
    const aside = `${path}.aside`;
    writeFileSync(stateFile, path);
    renameSync(path, aside);
    mkdirSync(path, { mode: 0o700 });
    await Bun.$`mount -t tmpfs -o size=${SIZE} checkout-chaos ${path}`.quiet();
    // Also copies the owner and mode of the directory itself.
    await Bun.$`cp -a ${aside}/. ${path}/`.quiet();
    rmSync(aside, { recursive: true });
    await stackCommand(["restart", server, "--data-dir", target.directory]);
    return new SmallDisk(path);
  }

  /** Fills the disk to the last block. */
  async fill(): Promise<void> {
    const { bavail, bsize } = statfsSync(this.#path);
    // If the free space has shrunk meanwhile, fill the rest in smaller pieces.
    await Bun.$`fallocate -l ${bavail * bsize} ${this.#ballast} || cat /dev/zero > ${this.#ballast}`
      .quiet()
      .nothrow();
  }

  empty(): void {
    rmSync(this.#ballast, { force: true });
  }

  /** Call it after the stack has stopped. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Bun.$`umount ${this.#path}`.quiet();
  }

  get #ballast(): string {
    return `${this.#path}/ballast`;
  }
}

/** Unmounts the disk that a killed run left behind, before its data is wiped. */
export async function unmountLeftover(directory: string): Promise<void> {
  let path: string;
  try {
    path = readFileSync(mountFile(directory), "utf8");
  } catch {
    return;
  }
  const isMounted = readFileSync("/proc/mounts", "utf8").includes(`checkout-chaos ${path} tmpfs`);
  if (isMounted) await Bun.$`umount ${path}`.quiet();
}

function mountFile(directory: string): string {
  return `${directory}/small-disk`;
}
