// Where things lie in a checkout of this repository. Every tool of the stack starts from these, whatever the working directory.
import { mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

// In a compiled checkoutctl there is no source file to start from; it lies in dist/.
const compiled = import.meta.dir.startsWith("/$bunfs");
export const REPOSITORY = compiled ? resolve(process.execPath, "../..") : resolve(import.meta.dir, "../..");
export const DIST = join(REPOSITORY, "dist");
/** Downloads and builds that survive `stack down --wipe`: Kafka's jars, the native addon, the Postgres template. */
export const CACHE = join(REPOSITORY, ".cache");

/** The data directory of a stack: `--data-dir`, else `STACK_DIR`, else `.stack` in the repository. */
export function stackDirectory(chosen?: string): string {
  return resolve(chosen ?? process.env["STACK_DIR"] ?? join(REPOSITORY, ".stack"));
}

/** For sockets and locks that stacks of one user share: a short path, because a socket's name is limited to 107 bytes. */
export function runtimeDirectory(): string {
  const directory = join(tmpdir(), `checkout-stack-${process.getuid?.() ?? 0}`);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  return directory;
}
