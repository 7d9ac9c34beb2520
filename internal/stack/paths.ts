// Paths in a checkout of this repository, independent of the working directory. Used by all tools of the stack.
import { mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

// A compiled checkoutctl has no source file to start from; it is in dist/.
const compiled = import.meta.dir.startsWith("/$bunfs");
export const REPOSITORY = compiled ? resolve(process.execPath, "../..") : resolve(import.meta.dir, "../..");
export const DIST = join(REPOSITORY, "dist");
/** Downloads and builds that survive `stack down --wipe`: Kafka's jars, the native addon, the Postgres template. */
export const CACHE = join(REPOSITORY, ".cache");

/** The data directory of a stack: `--data-dir`, else `STACK_DIR`, else `.stack` in the repository. */
export function stackDirectory(chosen?: string): string {
  return resolve(chosen ?? process.env["STACK_DIR"] ?? join(REPOSITORY, ".stack"));
}

/** The directory for sockets and locks of all stacks of a user. A short path, because a socket path is limited to 107 bytes. */
export function runtimeDirectory(): string {
  const directory = join(tmpdir(), `checkout-stack-${process.getuid?.() ?? 0}`);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  return directory;
}
