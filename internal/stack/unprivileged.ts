// Postgres refuses to run as root, so as root it runs as `nobody`. That user must be able to reach the binaries and the data. It
// cannot if the repository is under a closed directory such as /root; then a place under /var/tmp is used instead. Only
// servers/postgres.ts needs this.
import { createHash } from "node:crypto";
import { chmodSync, chownSync, lstatSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import type { UnixUser } from "./child.ts";

/** `nobody` on Debian. It has a passwd entry, which initdb requires. */
const NOBODY: UnixUser = { uid: 65_534, gid: 65_534 };

const SHARED_PLACE = "/var/tmp/checkout-stack";

/** The user for programs that refuse root; undefined if we are not root. */
export function unprivilegedUser(): UnixUser | undefined {
  return process.getuid?.() === 0 ? NOBODY : undefined;
}

/** `path` itself if the user can reach its parent, otherwise a directory under /var/tmp in its place. */
export function reachablePlace(path: string, user: UnixUser | undefined): string {
  if (user === undefined || canWalkTo(dirname(path), user)) return path;
  trustedDirectory(SHARED_PLACE);
  const digest = createHash("sha256").update(path).digest("hex").slice(0, 16);
  return join(SHARED_PLACE, digest);
}

/** True if the user can enter the directory. The kernel decides, because it also knows ACLs and mounts. */
export function canWalkTo(directory: string, user: UnixUser): boolean {
  const identity = [`--reuid=${user.uid}`, `--regid=${user.gid}`, "--clear-groups"];
  return Bun.spawnSync(["setpriv", ...identity, "--", "test", "-x", directory]).exitCode === 0;
}

/** Creates a directory that belongs to the user and is closed to all others. */
export function ownDirectory(path: string, user: UnixUser | undefined): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  if (user) chownSync(path, user.uid, user.gid);
}

/** /var/tmp is writable by everyone, so an existing directory is only used if it belongs to root. */
function trustedDirectory(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o755 });
  const found = lstatSync(path);
  if (!found.isDirectory() || found.uid !== 0) {
    throw new Error(`${path} exists but does not belong to root; remove it`);
  }
  chmodSync(path, 0o755);
}
