// Ports for a stack: blocks of consecutive ports, leased for the stack's lifetime. One block is enough unless the stack has many
// processes.
//
// A free port from the kernel that is closed again would be a race: another process may take it before the server binds. Here a
// block is below the kernel's ephemeral range, a lock keeps other stacks out, and every port is tested before use. The search
// starts at a position derived from the data directory, so a stack usually gets the same ports again.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { tryLock } from "./lock.ts";
import { runtimeDirectory } from "./paths.ts";

const BLOCK_SIZE = 64;
const FIRST_PORT = 20_000;
const DEFAULT_EPHEMERAL_START = 32_768;

export interface PortBlock {
  /** The next port. The same order of calls gives the same ports. */
  next(): number;
  release(): void;
}

/** Leases a block, and another one when it is used up. `seed` only decides where the search begins. */
export function leasePorts(seed: string): PortBlock {
  let block = leaseBlock(seed);
  const leased = [block];
  let used = 0;
  return {
    next() {
      if (used === BLOCK_SIZE) {
        block = leaseBlock(seed);
        leased.push(block);
        used = 0;
      }
      return block.first + used++;
    },
    release() {
      for (const each of leased) each.release();
    },
  };
}

interface Block {
  readonly first: number;
  release(): void;
}

function leaseBlock(seed: string): Block {
  const blocks = Math.max(1, Math.floor((ephemeralStart() - FIRST_PORT) / BLOCK_SIZE));
  const start = Bun.hash.crc32(seed) % blocks;
  for (let offset = 0; offset < blocks; offset++) {
    const first = FIRST_PORT + ((start + offset) % blocks) * BLOCK_SIZE;
    const lock = tryLock(join(runtimeDirectory(), `ports-${first}.lock`));
    if (lock === null) continue;
    if (!everyPortFree(first)) {
      lock.release();
      continue;
    }
    return { first, release: () => lock.release() };
  }
  throw new Error(`there is no free block of ${BLOCK_SIZE} ports from ${FIRST_PORT} on: stop another stack`);
}

function everyPortFree(first: number): boolean {
  for (let port = first; port < first + BLOCK_SIZE; port++) {
    try {
      Bun.listen({ hostname: "127.0.0.1", port, socket: { data() {} } }).stop(true);
    } catch {
      return false;
    }
  }
  return true;
}

function ephemeralStart(): number {
  try {
    const start = Number(readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8").split(/\s+/)[0]);
    return start >= FIRST_PORT + BLOCK_SIZE ? start : DEFAULT_EPHEMERAL_START;
  } catch {
    return DEFAULT_EPHEMERAL_START;
  }
}
