// A saga continues on the table it started on. A binary that does not know the table of an open saga must not touch it, so it
// refuses to start. Called by cmd/orchestrator before anything moves.
import { AppError } from "../kernel/errors.ts";
import { SAGA_TABLE_VERSION } from "./steps.ts";

/** The versions of the saga table that this binary can run. */
export const KNOWN_TABLE_VERSIONS: readonly number[] = [SAGA_TABLE_VERSION];

/** Throws CONFIG_INVALID when open sagas use a table that this binary does not know. */
export function requireKnownVersions(open: readonly number[]): void {
  const unknown = open.filter((version) => !KNOWN_TABLE_VERSIONS.includes(version));
  if (unknown.length === 0) return;
  throw new AppError(
    "CONFIG_INVALID",
    `open sagas use version ${unknown.join(", ")} of the saga table and this binary runs ${KNOWN_TABLE_VERSIONS.join(", ")}: ` +
      "let the binary that started them finish them first",
  );
}
