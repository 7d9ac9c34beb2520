// What the entries of `npm run demo` and `npm run setup` answer without any set-up, in a folder that holds nothing else and with nothing on PATH,
// and what they tell of a step that fails.
import { expect, test } from "bun:test";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { REPOSITORY } from "../stack/paths.ts";

const BOOTSTRAP = "internal/tools/bootstrap.mjs";
const ENTRY = [BOOTSTRAP, "internal/stack/demo-options.mjs", "internal/stack/demo-help.txt"];

test.each([[["--help"]], [["-h"]], [["--keep", "--help"]]])("demo %p answers at once", (args) => {
  const folder = mkdtempSync(join(tmpdir(), "bootstrap-"));
  try {
    for (const file of ENTRY) cpSync(join(REPOSITORY, file), join(folder, file));
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
  [["--order", "5"], "Unknown option '--order'"],
  [["--keep", "--orders=5", "--kep"], "Unknown option '--kep'"],
  [["--orders", "abc"], "--orders takes a whole number from 1 to 100000"],
  [["--keep=1"], "Option '--keep' does not take an argument"],
  [["5"], "Unexpected argument '5'. This command does not take positional arguments"],
])("demo %p is refused at once: %p", (args, why) => {
  const folder = mkdtempSync(join(tmpdir(), "bootstrap-"));
  try {
    for (const file of ENTRY) cpSync(join(REPOSITORY, file), join(folder, file));
    const command = [process.execPath, join(folder, BOOTSTRAP), "demo", ...args];
    const { exitCode, stderr } = Bun.spawnSync(command, { env: { PATH: "" } });
    expect(stderr.toString()).toEndWith(`${why}; see npm run demo -- --help\n`);
    expect(exitCode).toBe(2);
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
    for (const file of ENTRY) cpSync(join(REPOSITORY, file), join(folder, file));
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

test("a step that fails is told with its own output, after the others have ended", () => {
  const folder = mkdtempSync(join(tmpdir(), "bootstrap-"));
  try {
    for (const file of [
      ...ENTRY,
      "internal/tools/api/requirements.txt",
      "internal/stack/servers/kafka-server.xml",
    ])
      cpSync(join(REPOSITORY, file), join(folder, file));
    const put = (name: string, script: string) =>
      writeFileSync(join(folder, "bin", name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    mkdirSync(join(folder, "bin"));
    for (const name of ["g++", "make", "setpriv", "java", "redis-server"]) put(name, "exit 1");
    put("npm", "exec >&2; /usr/bin/seq 1 30; echo no such package; exit 3");
    put("mvn", "/bin/sleep 0.3; echo fetched; exit 4");
    put("python3", "echo installed");
    const script = join(folder, BOOTSTRAP);
    const env = { PATH: join(folder, "bin") };
    const { exitCode, stdout, stderr } = Bun.spawnSync([process.execPath, script, "demo"], { env });
    const log = join(folder, ".cache/setup.log");
    const lines = Array.from({ length: 19 }, (_, index) => index + 12);
    const reason = `npm install ended with 3; the whole output is in ${log}`;
    expect(stderr.toString()).toBe(`\nsetup: ${reason}\n${lines.join("\n")}\nno such package\n`);
    expect(stdout.toString()).toContain("setup: fetching Apache Kafka from Maven Central ...\n");
    expect(readFileSync(log, "utf8")).toMatch(/^\$ npm install[^]*^no such package$[^]*^fetched$/m);
    expect(exitCode).toBe(1);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
