// Postgres refuses to run as root, so as root it runs as `nobody`. That user must be able to walk down to the binaries and
// the data, which it cannot when the repository lies under a closed directory such as /root; then a place under /var/tmp
// is used instead. Only servers/postgres.ts needs this.
import { createHash } from "node:crypto";
import { chmodSync, chownSync, lstatSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import type { UnixUser } from "./child.ts";

/** `nobody` on Debian. It has a passwd entry, which initdb insists on. */
const NOBODY: UnixUser = { uid: 65_534, gid: 65_534 };

const SHARED_PLACE = "/var/tmp/checkout-stack";

/** The user for programs that refuse root; undefined when we are not root and nothing has to change. */
export function unprivilegedUser(): UnixUser | undefined {
  return process.getuid?.() === 0 ? NOBODY : undefined;
}

/** `path` itself where the user can walk to its parent, else a directory under /var/tmp that stands for it. */
export function reachablePlace(path: string, user: UnixUser | undefined): string {
  if (user === undefined || canWalkTo(dirname(path), user)) return path;
  trustedDirectory(SHARED_PLACE);
  const digest = createHash("sha256").update(path).digest("hex").slice(0, 16);
  return join(SHARED_PLACE, digest);
}

/** Whether the user can use the directory. Asked of the kernel, which knows about ACLs and mounts as well. */
export function canWalkTo(directory: string, user: UnixUser): boolean {
  const identity = [`--reuid=${user.uid}`, `--regid=${user.gid}`, "--clear-groups"];
  return Bun.spawnSync(["setpriv", ...identity, "--", "test", "-x", directory]).exitCode === 0;
}

/** Makes a directory that belongs to the user, and is closed to all others. */
export function ownDirectory(path: string, user: UnixUser | undefined): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  if (user) chownSync(path, user.uid, user.gid);
}

/** /var/tmp is open to all: what we find there is used only when root alone could have put it there. */
function trustedDirectory(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o755 });
  const found = lstatSync(path);
  if (!found.isDirectory() || found.uid !== 0) {
    throw new Error(`${path} exists but does not belong to root; remove it`);
  }
  chmodSync(path, 0o755);
}
