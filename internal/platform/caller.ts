// The name of the person who runs a command, for the audit trail. Called by checkoutctl.
import { existsSync, readFileSync } from "node:fs";

const PASSWD = "/etc/passwd";

/**
 * In order of preference: the person behind sudo, the name of the process's user, its number. Anybody can set SUDO_USER, so it counts
 * only for root, who could as well write to the audit trail. USER never counts.
 */
export function callerNames(
  { SUDO_USER }: Readonly<Record<string, string | undefined>> = process.env,
  uid = process.getuid?.() ?? 0,
): readonly string[] {
  return [uid === 0 ? SUDO_USER : undefined, nameOfUser(uid), `uid ${uid}`].filter(
    (name) => name !== undefined,
  );
}

/** Not `os.userInfo()`: Bun 1.4.5 takes the name from USER, and says "unknown" where that is not set. */
function nameOfUser(uid: number): string | undefined {
  // In a container the user may have no name.
  const lines = existsSync(PASSWD) ? readFileSync(PASSWD, "utf8").split("\n") : [];
  const [name] = lines.map((line) => line.split(":")).find(([, , id]) => id === String(uid)) ?? [];
  return name;
}
