// What the entries of `npm run demo` and `npm run setup` answer without any set-up: in a folder that holds nothing else, with nothing on PATH.
import { expect, test } from "bun:test";
import { cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { REPOSITORY } from "../stack/paths.ts";

const BOOTSTRAP = "internal/tools/bootstrap.mjs";
const HELP = "internal/stack/demo-help.txt";

test.each([[["--help"]], [["-h"]], [["--keep", "--help"]]])("demo %p answers at once", (args) => {
  const folder = mkdtempSync(join(tmpdir(), "bootstrap-"));
  try {
    for (const file of [BOOTSTRAP, HELP]) cpSync(join(REPOSITORY, file), join(folder, file));
    const command = [process.execPath, join(folder, BOOTSTRAP), "demo", ...args];
    const { exitCode, stdout, stderr } = Bun.spawnSync(command, { env: { PATH: "" } });
    expect([exitCode, stderr.toString()]).toEqual([0, ""]);
    expect(stdout.toString()).toStartWith("Usage: npm run demo -- [options]\n");
    expect(existsSync(join(folder, ".cache"))).toBe(false);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.each([
  ["setup", {}, true],
  ["setup", { CHROMIUM: "/opt/chromium" }, false],
  ["demo", {}, false],
])("%s with %p names all missing packages at once, the browser: %p", (job, env, needsBrowser) => {
  const folder = mkdtempSync(join(tmpdir(), "bootstrap-"));
  try {
    const script = join(folder, BOOTSTRAP);
    cpSync(join(REPOSITORY, BOOTSTRAP), script);
    const command = [process.execPath, script, job];
    const { exitCode, stderr } = Bun.spawnSync(command, { env: { ...env, PATH: "", KAFKA_HOME: folder } });
    expect(exitCode).toBe(1);
    const [, names = ""] = /sudo apt-get install (.*)\n/.exec(stderr.toString()) ?? [];
    expect(names).toContain("g++ make ");
    expect(names.split(" ").includes("chromium-headless-shell")).toBe(needsBrowser);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
