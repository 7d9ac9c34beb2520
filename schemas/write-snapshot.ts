// `bun schemas/write-snapshot.ts`: writes the current contracts to snapshot.json, to be checked in with the change. Refuses a breaking
// change, because the compatibility test would no longer see it. `--breaking` forces it, for contracts that are not used yet.
import { breakingChangesOfAll } from "./compatibility.ts";
import { currentSnapshot, SNAPSHOT_FILE, type Snapshot } from "./snapshot.ts";

const file = Bun.file(SNAPSHOT_FILE);
const before: Snapshot = (await file.exists()) ? await file.json() : {};
const after = currentSnapshot();
const breaks = breakingChangesOfAll(before, after);

if (breaks.length > 0 && !process.argv.includes("--breaking")) {
  for (const { path, reason } of breaks) console.error(`${path}: ${reason}`);
  console.error(
    "snapshot.json is unchanged: add optional fields or new message types instead, or force it with --breaking.",
  );
  process.exitCode = 3;
} else {
  await Bun.write(file, JSON.stringify(after));
  Bun.spawnSync([process.execPath, "fmt", "--no-script", SNAPSHOT_FILE]);
  console.log(`${Object.keys(after).length} contracts written to schemas/snapshot.json`);
}
