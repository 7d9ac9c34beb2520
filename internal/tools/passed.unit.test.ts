// What is checked again after a change: whatever can have another result by it.
import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Passed, SourceTree } from "./passed.ts";

const FILES = {
  "a/low.ts": "export const low = 1;",
  "a/types.ts": "export interface Shape {}",
  "a/text.txt": "text",
  "a/high.ts": 'import { low } from "./low.ts";\nimport type { Shape } from "./types.ts";',
  "b/lazy.ts": 'const later = await import(\n  "../a/text.txt");',
  "b/high.unit.test.ts": 'import { high } from "../a/high.ts";',
  "b/lazy.unit.test.ts": 'import "./lazy.ts";',
  "b/own.unit.test.ts": "test();",
  "b/docs.unit.test.ts": 'import "./reader.ts";',
  "b/reader.ts": 'const text = readFileSync("README.md");',
  "globals.d.ts": "declare const anything: string;",
  "b/globals.ts": "declare global {\n}",
  "tsconfig.json": "{}",
  "a/client/tsconfig.json": "{}",
  "package-lock.json": "{}",
  "README.md": "# Readme",
};
const ALL = Object.keys(FILES);
const TESTS = ALL.filter((path) => path.includes(".unit.test."));

const treeOf = (files: Readonly<Record<string, string>>) => new SourceTree(new Map(Object.entries(files)));
const tree = treeOf(FILES);

/** The paths whose digest is another one after the file has changed. */
function changedBy(file: string, digest: "ofFile" | "ofTest", paths: readonly string[]): string[] {
  const changed = treeOf({ ...FILES, [file]: "another text" });
  return paths.filter((path) => tree[digest](path) !== changed[digest](path));
}

test.each([
  ["a/low.ts", ["a/low.ts", "a/high.ts", "b/high.unit.test.ts"]],
  ["a/types.ts", ["a/types.ts", "a/high.ts", "b/high.unit.test.ts"]],
  ["a/text.txt", ["a/text.txt", "b/lazy.ts", "b/lazy.unit.test.ts"]],
  ["b/own.unit.test.ts", ["b/own.unit.test.ts"]],
  ["README.md", ["README.md"]],
  ["globals.d.ts", ALL],
  ["b/globals.ts", ALL],
  ["tsconfig.json", ALL],
  ["a/client/tsconfig.json", ALL],
  ["package-lock.json", ALL],
])("%s changes what imports it, also by way of others", (file, expected) => {
  expect(changedBy(file, "ofFile", ALL)).toEqual(expected);
});

test.each([
  ["README.md", ["b/docs.unit.test.ts"]],
  ["a/text.txt", ["b/lazy.unit.test.ts", "b/docs.unit.test.ts"]],
])("%s also changes tests whose code reads files of the checkout", (file, expected) => {
  expect(changedBy(file, "ofTest", TESTS).toSorted()).toEqual(expected.toSorted());
});

test.each([
  'existsSync("docs/settings.md")',
  'await Bun.file("README.md").text();',
  "new Bun.Glob(pattern).scanSync();",
  "join(import.meta.dir, name);",
  "await import(name);",
  "await import(`./${name}.ts`);",
  'join(process.cwd(), "docs")',
  'Bun.spawn(["git", "ls-files"]);',
])("code that reads files is known by %p", (source) => {
  const before = treeOf({ ...FILES, "b/own.unit.test.ts": source });
  const after = treeOf({ ...FILES, "b/own.unit.test.ts": source, "README.md": "another text" });
  expect(before.ofTest("b/own.unit.test.ts")).not.toBe(after.ofTest("b/own.unit.test.ts"));
});

test.each(["readFileSync(path)", 'mkdtempSync(join(tmpdir(), "a-"))', 'Bun.file("/proc/meminfo")'])(
  "code that only reads files that are named to it does not count: %p",
  (source) => {
    const before = treeOf({ ...FILES, "b/own.unit.test.ts": source });
    const after = treeOf({ ...FILES, "b/own.unit.test.ts": source, "README.md": "another text" });
    expect(before.ofTest("b/own.unit.test.ts")).toBe(after.ofTest("b/own.unit.test.ts"));
  },
);

test("a file that comes or goes changes what imports it", () => {
  const { "a/low.ts": _, ...others } = FILES;
  expect(treeOf(others).ofFile("a/high.ts")).not.toBe(tree.ofFile("a/high.ts"));
  expect(treeOf(others).ofFiles(/\.ts$/)).not.toBe(tree.ofFiles(/\.ts$/));
  expect(treeOf(others).digest).not.toBe(tree.digest);
});

test("all of some files change with one of them only", () => {
  const changed = treeOf({ ...FILES, "README.md": "another text" });
  expect(changed.ofFiles(/(?<!\.md)$/)).toBe(tree.ofFiles(/(?<!\.md)$/));
  expect(changed.ofFiles(/\.md$/)).not.toBe(tree.ofFiles(/\.md$/));
});

test("the files of a checkout are those on the disk, without another repository in it", () => {
  const root = mkdtempSync(join(tmpdir(), "tree-"));
  const git = (directory: string, ...args: readonly string[]) => {
    const { exitCode } = Bun.spawnSync(["git", "-c", "user.name=a", "-c", "user.email=a@b", ...args], {
      cwd: directory,
    });
    expect(exitCode).toBe(0);
  };
  try {
    mkdirSync(join(root, "other"));
    for (const directory of [root, join(root, "other")]) {
      git(directory, "init", "--quiet");
      for (const name of ["kept.txt", "deleted.txt"]) writeFileSync(join(directory, name), "text");
      git(directory, "add", "kept.txt", "deleted.txt");
      git(directory, "commit", "--quiet", "--message", "files");
    }
    rmSync(join(root, "deleted.txt"));
    writeFileSync(join(root, "new.txt"), "text");
    expect(SourceTree.read(root)?.files(/./).toSorted()).toEqual(["kept.txt", "new.txt"]);
  } finally {
    rmSync(root, { recursive: true });
  }
});

test("due is what has not passed as it is, of each check by itself", () => {
  const directory = mkdtempSync(join(tmpdir(), "passed-"));
  try {
    const file = join(directory, "new", "passed.json");
    const passed = new Passed(file);
    expect(passed.due("lint", { a: "1", b: "1" })).toEqual(["a", "b"]);
    passed.note("lint", { a: "1", b: "1" });
    passed.note("unit", { a: "2" });
    const later = new Passed(file);
    expect(later.due("lint", { a: "1", b: "2", c: "1" })).toEqual(["b", "c"]);
    expect(later.due("unit", { a: "1" })).toEqual(["a"]);
    expect(later.due("unit", { a: "2" })).toEqual([]);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
