// Builds the Kafka addon for Bun: librdkafka and the package's own C++, unchanged, plus the files in src/.
//
//   bun internal/platform/kafka/native/build.ts
//
// Called by hand, by the bootstrap and by the release build. It compiles once per set of inputs: the packages' part (a minute
// on two cores) is cached separately from ours (seconds). A complete folder is renamed into the cache, so an interrupted build never
// counts as finished.

import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, dirname, join } from "node:path";

import { AppError } from "../../../kernel/errors.ts";
import { allEnded } from "../../../messaging/side-by-side.ts";
import {
  addonHash,
  cacheFolder,
  contentHash,
  hash,
  packageFolders,
  packageHash,
  SETTINGS,
  SOURCES,
  type PackageFolders,
} from "./cache.ts";

/** Returns the path of the addon. Builds it first if there is none for the current inputs. */
export async function buildNative(): Promise<string> {
  await requireTools();
  const folders = packageFolders();
  const machine = hash([await run(["g++", "--version"], "/"), contentHash(await linkedArchives())]);
  const addon = join(cacheFolder(), "kafka-native", `${addonHash(folders)}-${machine}`);
  const addonFile = join(addon, "kafka.node");
  if (existsSync(addonFile)) return addonFile;

  const packages = join(cacheFolder(), "kafka-packages", `${packageHash(folders)}-${machine}`);
  await intoCache(packages, (work) => compilePackages(folders, work));
  await intoCache(addon, (work) => compileAddon(folders, packages, work));
  return addonFile;
}

/**
 * The static libraries of the system that go into the addon (OpenSSL, zlib, zstd): an update of one makes a new build, also of the
 * packages' part, which is compiled with the headers that come with it.
 */
async function linkedArchives(): Promise<string[]> {
  const names = SETTINGS.libraries.flatMap((flag) => (flag.startsWith("-l:") ? [flag.slice(3)] : []));
  const files = names.map(async (name) => (await run(["g++", `-print-file-name=${name}`], "/")).trim());
  return Promise.all(files);
}

/** librdkafka's static libraries and the object files of the package's binding. */
async function compilePackages(folders: PackageFolders, work: string): Promise<void> {
  const librdkafka = join(work, "librdkafka");
  // A copy, because librdkafka builds in its source folder, and node_modules must not change.
  cpSync(join(folders.kafka, "deps", "librdkafka"), librdkafka, { recursive: true });
  await step("configuring librdkafka", () => run(["./configure", ...SETTINGS.configure], librdkafka));
  const sources = filesIn(join(folders.kafka, "src"), ".cc");
  // At the same time, so that no core is idle while the last file of the one is compiled.
  await step("compiling librdkafka and the package's binding", () =>
    allEnded([
      makeArchives(librdkafka),
      compile(folders, sources, SETTINGS.compilePackage, join(work, "binding")),
    ]),
  );
  for (const [folder, archive] of Object.entries(ARCHIVES))
    cpSync(join(librdkafka, folder, archive), join(work, archive));
  rmSync(librdkafka, { recursive: true });
}

/** Of librdkafka, by the folder with their sources. */
const ARCHIVES = { src: "librdkafka.a", "src-cpp": "librdkafka++.a" };

/** Only the archives: `make libs` would also link shared libraries, and copy OpenSSL into an archive that nobody reads. */
async function makeArchives(librdkafka: string): Promise<void> {
  for (const [folder, archive] of Object.entries(ARCHIVES))
    await run(["make", "-j", String(availableParallelism()), archive], join(librdkafka, folder));
}

async function compileAddon(folders: PackageFolders, packages: string, work: string): Promise<void> {
  const objects = join(work, "objects");
  const addon = join(work, "kafka.node");
  await step("compiling the part for Bun", () =>
    compile(folders, filesIn(SOURCES, ".cc"), SETTINGS.compileOurs, objects),
  );
  const inputs = [...filesIn(objects, ".o"), ...filesIn(join(packages, "binding"), ".o")];
  const archives = [join(packages, "librdkafka++.a"), join(packages, "librdkafka.a")];
  const script = `-Wl,--version-script=${join(SOURCES, "exports.map")}`;
  await step("linking", () =>
    run(["g++", ...SETTINGS.link, script, "-o", addon, ...inputs, ...archives, ...SETTINGS.libraries], work),
  );
  await step("checking what the addon needs", () => checkAddon(addon));
  rmSync(objects, { recursive: true });
}

const GLIBC = /^(libc|libm|libdl|libpthread|librt|ld-linux-[\w-]+)\.so\.\d+$/;

/**
 * The addon must load on any machine with glibc and this Bun: it may need no other library and no other symbol. The dynamic linker
 * would report a missing symbol only at the first call of the function.
 */
async function checkAddon(addon: string): Promise<void> {
  const dynamic = await run(["readelf", "--dynamic", "--wide", addon], "/");
  const libraries = [...dynamic.matchAll(/\(NEEDED\).*\[(.+)\]/g)].map((match) => match[1] ?? "");
  const foreign = libraries.filter((name) => !GLIBC.test(name));
  if (foreign.length > 0) throw failed(`the addon depends on ${foreign.join(", ")}; only glibc is allowed`);

  // nm prints address, type letter and name. A lower-case letter is a weak symbol, which may stay undefined.
  const symbols = (listing: string) => listing.split("\n").map((line) => line.trim().split(/\s+/).slice(-2));
  const ofBun = await run(["nm", "--dynamic", "--defined-only", process.execPath], "/");
  const known = new Set(symbols(ofBun).map(([, name = ""]) => name.replace(/@.*/, "")));
  const undefinedHere = symbols(await run(["nm", "--dynamic", "--undefined-only", addon], "/"));
  const missing = undefinedHere
    .filter(([type, name = ""]) => type === "U" && !name.includes("@GLIBC") && !known.has(name))
    .map(([, name]) => name);
  if (missing.length > 0)
    throw failed(`neither glibc nor this Bun has ${missing.join(", ")}: add them in native/src`);
}

async function compile(
  folders: PackageFolders,
  sources: string[],
  flags: string[],
  into: string,
): Promise<void> {
  mkdirSync(into, { recursive: true });
  const includes = [
    SOURCES,
    join(folders.nodeHeaders, "include", "node"),
    folders.nan,
    folders.kafka,
    join(folders.kafka, "deps", "librdkafka", "src"),
    join(folders.kafka, "deps", "librdkafka", "src-cpp"),
  ];
  const system = includes.slice(1).flatMap((folder) => ["-isystem", folder]);
  const names = [
    `-ffile-prefix-map=${dirname(folders.nan)}=${SETTINGS.folderNames.packages}`,
    `-ffile-prefix-map=${SOURCES}=${SETTINGS.folderNames.sources}`,
  ];
  const command = ["g++", ...SETTINGS.compile, ...flags, ...names, `-I${SOURCES}`, ...system];
  // The longest first, so that none of them is compiled alone at the end.
  const queue = sources.toSorted((a, b) => statSync(b).size - statSync(a).size);
  const next = async (): Promise<void> => {
    for (let source = queue.shift(); source !== undefined; source = queue.shift()) {
      const object = join(into, `${basename(source)}.o`);
      await run([...command, "-c", source, "-o", object], into);
    }
  };
  // Also if one fails, so that none writes into a folder that is being removed.
  await allEnded(Array.from({ length: availableParallelism() }, next));
}

/** Fills a folder next to `target`, then renames it to `target`. */
async function intoCache(target: string, fill: (work: string) => Promise<void>): Promise<void> {
  if (existsSync(target)) return;
  const work = `${target}.building-${process.pid}`;
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  try {
    await fill(work);
    // If another build of the same inputs has finished first, its result is used.
    if (!existsSync(target)) renameSync(work, target);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

interface Requirement {
  readonly debianPackage: string;
  readonly command?: string;
  readonly header?: string;
}

const REQUIREMENTS: readonly Requirement[] = [
  { debianPackage: "g++", command: "g++" },
  { debianPackage: "make", command: "make" },
  { debianPackage: "binutils", command: "readelf" },
  { debianPackage: "libssl-dev", header: "openssl/ssl.h" },
  { debianPackage: "zlib1g-dev", header: "zlib.h" },
  { debianPackage: "libzstd-dev", header: "zstd.h" },
];

async function requireTools(): Promise<void> {
  const missing = REQUIREMENTS.filter(({ command }) => command !== undefined && Bun.which(command) === null);
  if (Bun.which("g++") !== null) {
    for (const requirement of REQUIREMENTS) {
      if (requirement.header !== undefined && !(await headerExists(requirement.header)))
        missing.push(requirement);
    }
  }
  if (missing.length === 0) return;
  const packages = missing.map(({ debianPackage }) => debianPackage).join(" ");
  throw failed(`building the Kafka addon needs these Debian packages: apt-get install ${packages}`);
}

async function headerExists(header: string): Promise<boolean> {
  const probe = Bun.spawn(["g++", "-E", "-x", "c++", "-o", "/dev/null", "-"], {
    stdin: new TextEncoder().encode(`#include <${header}>\n`),
    stdout: "ignore",
    stderr: "ignore",
  });
  return (await probe.exited) === 0;
}

/** Whole lines, because the bootstrap does other things at the same time. */
async function step(name: string, work: () => Promise<unknown>): Promise<void> {
  const started = performance.now();
  console.error(`kafka addon: ${name} ...`);
  await work();
  console.error(`kafka addon: ${name} took ${((performance.now() - started) / 1000).toFixed(1)} s`);
}

const FAILURE_LINES = 30;

/** Runs a command and returns its standard output. If it fails, the error has the tail of its output. */
async function run(command: string[], cwd: string): Promise<string> {
  const child = Bun.spawn(command, { cwd, stdout: "pipe", stderr: "pipe", stdin: "ignore" });
  const [output, errors, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  if (code === 0) return output;
  const tail = `${output}${errors}`.trim().split("\n").slice(-FAILURE_LINES).join("\n");
  throw failed(`${command[0]} failed with exit code ${code} in ${cwd}:\n${tail}`);
}

function filesIn(folder: string, ending: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(ending))
    .toSorted()
    .map((name) => join(folder, name));
}

function failed(message: string): AppError {
  return new AppError("NATIVE_BUILD_FAILED", message);
}

if (import.meta.main) {
  try {
    console.log(await buildNative());
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    console.error(`\n${error.message}`);
    process.exit(1);
  }
}
