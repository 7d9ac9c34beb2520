// Deletes the data of a stopped stack: its directory, and Postgres data in other places (unprivileged.ts).
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { tryLock } from "./lock.ts";
import { standbyOf } from "./servers/postgres-pair.ts";
import { postgresData } from "./servers/postgres.ts";
import { DATABASES, readState, stateFile } from "./state.ts";

/** Throws if the directory is in use, or is not the data directory of a stack. */
export function wipe(dataDirectory: string): void {
  if (!existsSync(dataDirectory)) return;
  if (!existsSync(stateFile(dataDirectory))) {
    throw new Error(`${dataDirectory} is not the data directory of a stack; nothing deleted`);
  }
  const lock = tryLock(join(dataDirectory, "lock"));
  if (lock === null) throw new Error(`a stack is still running in ${dataDirectory}; nothing deleted`);
  const databases = new Set([
    ...DATABASES,
    ...Object.keys(readState(dataDirectory)?.addresses.postgres ?? {}),
  ]);
  for (const database of databases) {
    const own = join(dataDirectory, `postgres-${database}`);
    for (const place of [own, standbyOf(own)]) rmSync(postgresData(place), { recursive: true, force: true });
  }
  rmSync(dataDirectory, { recursive: true, force: true });
  lock.release();
}
