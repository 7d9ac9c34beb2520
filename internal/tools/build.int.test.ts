// A binary does not tell where it was built: two copies of the repository, in folders of different depth, make the same bytes. The
// native addon is the same for both; `bun run release --verify` also compiles that twice.
import { afterAll, expect, test } from "bun:test";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { CACHE, REPOSITORY } from "../stack/paths.ts";
import { binaryName } from "./build.ts";

/** One without the native addon would be quicker; this one has it, and pages. */
const ROLE = "console";
const SOURCES = ["cmd", "internal", "schemas", "package.json", "tsconfig.json", "bunfig.toml"];

mkdirSync(CACHE, { recursive: true });
// In the same file system as node_modules, which is hard-linked.
const folder = mkdtempSync(join(CACHE, "build-test-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("two copies of the repository build the same binary", async () => {
  const [first, second] = [join(folder, "a"), join(folder, "other/and/deeper")].map(copyRepository);
  for (const copy of [first, second]) await build(copy ?? "");
  const binaryOf = (copy = "") => readFileSync(join(copy, "dist", binaryName(ROLE)));
  // Not `toEqual`, which would print megabytes.
  expect(binaryOf(first).equals(binaryOf(second))).toBe(true);
  expect(binaryOf(first).includes(folder)).toBe(false);
});

function copyRepository(target: string): string {
  mkdirSync(target, { recursive: true });
  for (const name of SOURCES) cpSync(join(REPOSITORY, name), join(target, name), { recursive: true });
  const link = Bun.spawnSync(["cp", "-al", join(REPOSITORY, "node_modules"), target]);
  if (link.exitCode !== 0) throw new Error(link.stderr.toString());
  return target;
}

async function build(copy: string): Promise<void> {
  const child = Bun.spawn([process.execPath, "internal/tools/build.ts", ROLE], {
    cwd: copy,
    env: { PATH: process.env["PATH"] ?? "", CHECKOUT_CACHE: CACHE },
    stdio: ["ignore", "ignore", "pipe"],
  });
  if ((await child.exited) !== 0) throw new Error(await child.stderr.text());
}
