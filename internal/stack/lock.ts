// File locks that the kernel releases when the holder dies in any way. They decide which process owns a data directory and which
// stack owns a block of ports. A pid file could be stale, or be taken by two processes at once.
import { dlopen } from "bun:ffi";
import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";

const LOCK_EXCLUSIVE = 2;
const LOCK_NONBLOCKING = 4;

const libc = dlopen("libc.so.6", { flock: { args: ["int", "int"], returns: "int" } });

export interface FileLock {
  release(): void;
}

/** Takes the lock, or returns null if another process (or another caller in this one) holds it. */
export function tryLock(path: string): FileLock | null {
  mkdirSync(dirname(path), { recursive: true });
  // Opened close-on-exec, so children do not inherit the lock.
  const descriptor = openSync(path, "a");
  if (libc.symbols.flock(descriptor, LOCK_EXCLUSIVE | LOCK_NONBLOCKING) !== 0) {
    closeSync(descriptor);
    return null;
  }
  let held = true;
  return {
    release() {
      if (held) closeSync(descriptor);
      held = false;
    },
  };
}
