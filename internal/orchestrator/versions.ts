// A saga continues on the table it started on. A binary that does not know the table of a saga in progress must not touch it, so it
// refuses to start. Called by cmd/orchestrator before anything moves.
import { AppError } from "../kernel/errors.ts";
import { TABLES } from "./steps.ts";

/** The versions of the saga table that this binary can run. */
export const KNOWN_TABLE_VERSIONS: readonly number[] = [...TABLES.keys()];

/** Throws CONFIG_INVALID when sagas in progress use a table that this binary does not know. */
export function requireKnownVersions(open: readonly number[]): void {
  const unknown = open.filter((version) => !KNOWN_TABLE_VERSIONS.includes(version));
  if (unknown.length === 0) return;
  throw new AppError(
    "CONFIG_INVALID",
    `sagas in progress use version ${unknown.join(", ")} of the saga table and this binary runs ${KNOWN_TABLE_VERSIONS.join(", ")}: ` +
      "stop the gateways, and let the binary that started the sagas finish them first",
  );
}
