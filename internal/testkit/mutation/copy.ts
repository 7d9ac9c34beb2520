// A copy of the repository for planting mutants, so that the real one is never touched. Sources are copied; node_modules and .cache
// (downloads and builds) are linked. Called by main.ts and the tests in this folder.
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { REPOSITORY } from "../../stack/paths.ts";
import { edited, type Mutant } from "./mutant.ts";

const FOLDERS = ["cmd", "internal", "schemas", "bench", "deploy", "docs"];
const LINKED = new Set(["node_modules", ".cache"]);
/** Left out, because its own unit test would catch every mutant by the missing text. */
const LEFT_OUT = join("internal", "testkit", "mutation");

export class Copy implements Disposable {
  readonly root = mkdtempSync(join(tmpdir(), "mutation-"));

  constructor() {
    for (const folder of FOLDERS) {
      cpSync(join(REPOSITORY, folder), join(this.root, folder), {
        recursive: true,
        filter: (path) => path !== join(REPOSITORY, LEFT_OUT),
      });
    }
    for (const { name, ...entry } of readdirSync(REPOSITORY, { withFileTypes: true })) {
      if (LINKED.has(name)) symlinkSync(join(REPOSITORY, name), join(this.root, name));
      else if (/\.(json|toml|yaml)$/.test(name)) cpSync(join(entry.parentPath, name), join(this.root, name));
    }
  }

  /** Makes the mutant's edits. Dispose of the result to undo them. */
  plant({ edits }: Mutant): Disposable {
    const originals = new Map<string, string>();
    for (const edit of edits) {
      const file = join(this.root, edit.file);
      const before = readFileSync(file, "utf8");
      if (!originals.has(file)) originals.set(file, before);
      writeFileSync(file, edited(before, edit));
    }
    return {
      [Symbol.dispose]() {
        for (const [file, text] of originals) writeFileSync(file, text);
      },
    };
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true });
  }
}
