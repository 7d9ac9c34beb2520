// Deletes the data of a stack that is down: its directory, and the Postgres data that had to lie elsewhere (unprivileged.ts).
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { tryLock } from "./lock.ts";
import { postgresData } from "./servers/postgres.ts";
import { DATABASES, readState, stateFile } from "./state.ts";

/** Refuses a directory that is in use or that no stack ever wrote to. */
export function wipe(dataDirectory: string): void {
  if (!existsSync(dataDirectory)) return;
  if (!existsSync(stateFile(dataDirectory))) {
    throw new Error(`${dataDirectory} is not the data directory of a stack; nothing deleted`);
  }
  const lock = tryLock(join(dataDirectory, "lock"));
  if (lock === null) throw new Error(`a stack still runs in ${dataDirectory}; nothing deleted`);
  const databases = new Set([
    ...DATABASES,
    ...Object.keys(readState(dataDirectory)?.addresses.postgres ?? {}),
  ]);
  for (const database of databases) {
    rmSync(postgresData(join(dataDirectory, `postgres-${database}`)), { recursive: true, force: true });
  }
  rmSync(dataDirectory, { recursive: true, force: true });
  lock.release();
}
