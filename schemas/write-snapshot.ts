// `bun schemas/write-snapshot.ts`: writes the contracts as they are now to snapshot.json, to be checked in with the change.
// Refuses a change that breaks readers or writers of the old contracts, because writing it down would make the
// compatibility test forget it; `--breaking` insists, for contracts that nobody uses yet.
import { breakingChangesOfAll } from "./compatibility.ts";
import { currentSnapshot, SNAPSHOT_FILE, type Snapshot } from "./snapshot.ts";

const file = Bun.file(SNAPSHOT_FILE);
const before: Snapshot = (await file.exists()) ? await file.json() : {};
const after = currentSnapshot();
const breaks = breakingChangesOfAll(before, after);

if (breaks.length > 0 && !process.argv.includes("--breaking")) {
  for (const { path, reason } of breaks) console.error(`${path}: ${reason}`);
  console.error(
    "snapshot.json is left as it was: add what you need as optional fields or new message types.",
  );
  process.exitCode = 3;
} else {
  await Bun.write(file, JSON.stringify(after));
  Bun.spawnSync([process.execPath, "fmt", "--no-script", SNAPSHOT_FILE]);
  console.log(`${Object.keys(after).length} contracts written to schemas/snapshot.json`);
}
