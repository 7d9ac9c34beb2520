// The release that operators upgrade from. The upgrade drill starts it, and tests compare messages, HTTP bodies and migrations with it.
// docs/releasing.md says when it changes.

export const LAST_RELEASE = {
  version: "0.1.0",
  /** What the tag v0.1.0 would name: the last commit before the first entry of "Unreleased" in CHANGELOG.md. */
  commit: "7f0dd691afa1d3344c55e327fafea175d2f9f866",
  /** The highest number of its migrations; they are numbered across all databases. */
  migration: 21,
  /** Of their text: a database that has a migration refuses another text of it. */
  migrationsSha256: "c0f3f94583afe9d2055973f2e9ca92adf26bd4ab0f3b966efe82226e41fd35e0",
} as const;

/** Its schemas/snapshot.json. */
export const RELEASED_CONTRACTS = `${import.meta.dirname}/last-release.json`;

/** Whether the last release had this migration, by its name: `0028_search`. */
export function isReleased(migration: string): boolean {
  return Number(migration.slice(0, 4)) <= LAST_RELEASE.migration;
}
