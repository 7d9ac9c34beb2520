// `bun run release`: builds everything that is given to operators, from the commit that is checked out, into dist/release/VERSION/: the
// binaries, a bill of materials for each, the Debian packages, and SHA256SUMS. The same commit makes the same bytes; `--verify` builds it
// a second time, in another folder and with the native addon compiled again, and compares. docs/releasing.md says how a release is made.
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { version } from "../../../package.json";
import { DIST, REPOSITORY } from "../../stack/paths.ts";
import { binaryName, buildableRoles, commit, compileRole, stagedAddon } from "../build.ts";
import { buildDeb } from "./build-deb.ts";
import { debianPackages, type ReleaseContents } from "./debian.ts";
import { bomPlugin, completeBom, nativeComponents, sha256 } from "./sbom.ts";

const RELEASES = join(DIST, "release");
const SUMS = "SHA256SUMS";
/** Part of the packages of every release, so that an operator has them at hand: what deploy.md and the runbook link to. */
const MANUAL = [
  "deploy.md",
  "runbook.md",
  "settings.md",
  "cli.md",
  "scaling.md",
  "security.md",
  "metrics.md",
  "performance.md",
  "releasing.md",
  "upgrading.md",
];
/** Nobody reads mail there; who gives packages to others puts their own address in. */
const MAINTAINER = "checkout-saga authors <maintainers@checkout-saga.invalid>";
const EXIT_FAILURE = 1;
const EXIT_USAGE = 2;

interface Options {
  readonly verify: boolean;
  readonly allowDirty: boolean;
  readonly maintainer: string;
}

async function main(options: Options): Promise<void> {
  const release = `${version}${commit()}`;
  if (release.endsWith("-dirty") && !options.allowDirty)
    throw new Error(
      "files differ from the commit, so nobody could build this release again: commit or stash them",
    );
  // Somebody may commit meanwhile.
  const head = git(["rev-parse", "HEAD"]);
  const folder = await build(release, options);
  console.log(`${relative(REPOSITORY, folder)}: ${readdirSync(folder).length} files`);
  if (options.verify) await verify(folder, head, options);
}

/** Returns the folder of the release. */
async function build(release: string, { maintainer }: Options): Promise<string> {
  const committedAt = Number(git(["log", "-1", "--format=%ct"]));
  const debianVersion = debianVersionOf(
    release,
    committedAt,
    git(["tag", "--points-at", "HEAD"]).split("\n"),
  );
  const target = join(RELEASES, debianVersion);
  const work = join(RELEASES, `.${process.pid}`);
  const folder = join(work, "files");
  rmSync(work, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  try {
    await buildBinaries(folder, release, committedAt);
    const contents: ReleaseContents = {
      version: debianVersion,
      maintainer,
      committedAt,
      folder,
      docs: { ...textsOf("docs", MANUAL), ...textsOf("", ["CHANGELOG.md"]) },
      license: readFileSync(join(REPOSITORY, "LICENSE"), "utf8"),
    };
    for (const one of debianPackages(contents)) {
      console.log(`  ${buildDeb(one, contents, folder, work)}`);
    }
    writeFileSync(join(folder, SUMS), sumsOf(folder));
    rmSync(target, { recursive: true, force: true });
    renameSync(folder, target);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return target;
}

async function buildBinaries(folder: string, release: string, committedAt: number): Promise<void> {
  const addon = await stagedAddon();
  const native = nativeComponents();
  for (const role of buildableRoles()) {
    const name = binaryName(role);
    const bom = join(folder, `${name}.cdx.json`);
    await compileRole({ role, addon, release, folder, plugins: [bomPlugin(bom)] });
    await completeBom(bom, { name, release, file: join(folder, name), committedAt }, native);
    console.log(`  ${name}`);
  }
}

function textsOf(folder: string, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    names.map((name) => [name, readFileSync(join(REPOSITORY, folder, name), "utf8")] as const),
  );
}

/**
 * The version of the packages: that of package.json if the commit has its tag; otherwise with time and commit behind it, so that a later
 * commit counts as newer.
 */
export function debianVersionOf(release: string, committedAt: number, tags: readonly string[]): string {
  const [base = "", hash = "unknown"] = release.split("+");
  if (tags.includes(`v${base}`)) return base;
  const at = new Date(committedAt * 1_000).toISOString().replace(/[-:T]/g, "").slice(0, 14);
  return `${base}+git${at}.${hash.replace(/-/g, ".")}`;
}

/** In the form of sha256sum(1). */
export function sumsOf(folder: string): string {
  return readdirSync(folder)
    .filter((name) => name !== SUMS)
    .toSorted()
    .map((name) => `${sha256(readFileSync(join(folder, name)))}  ${name}\n`)
    .join("");
}

/** Builds the commit again in a clone, and throws with the names of the files that differ. */
async function verify(first: string, head: string, { maintainer }: Options): Promise<void> {
  const clone = mkdtempSync(join(tmpdir(), "checkout-release-"));
  try {
    console.log(`building it again in ${clone}`);
    await run(["git", "clone", "--quiet", REPOSITORY, clone], REPOSITORY);
    await run(["git", "checkout", "--quiet", head], clone);
    await run(["cp", "-a", join(REPOSITORY, "node_modules"), clone], REPOSITORY);
    const again = [process.execPath, "internal/tools/release/main.ts", "--maintainer", maintainer];
    await run(again, clone, withoutCache(process.env));
    const [name = ""] = readdirSync(join(clone, "dist/release"));
    const differences = differencesOf(
      readFileSync(join(first, SUMS), "utf8"),
      readFileSync(join(clone, "dist/release", name, SUMS), "utf8"),
    );
    if (differences.length > 0) throw new Error(`the two builds differ in ${differences.join(", ")}`);
    console.log("both builds have the same bytes");
  } finally {
    rmSync(clone, { recursive: true, force: true });
  }
}

/** The names of files that are not the same in both lists of sums. */
export function differencesOf(first: string, second: string): readonly string[] {
  const [one, other] = [first, second].map((text) => new Set(text.split("\n").filter((line) => line !== "")));
  const lines = [...(one ?? [])].filter((line) => !other?.has(line));
  const more = [...(other ?? [])].filter((line) => !one?.has(line));
  return [...new Set([...lines, ...more].map((line) => line.replace(/^\S+ +/, "")))].toSorted();
}

function git(args: readonly string[]): string {
  const child = Bun.spawnSync(["git", ...args], { cwd: REPOSITORY });
  if (child.exitCode !== 0) throw new Error(`git ${args.join(" ")}: ${child.stderr.toString()}`);
  return child.stdout.toString().trim();
}

/** A shared cache would give the second build the addon of the first one. */
export function withoutCache(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => name !== "CHECKOUT_CACHE"));
}

async function run(command: readonly string[], cwd: string, env = process.env): Promise<void> {
  const child = Bun.spawn([...command], { cwd, env, stdio: ["ignore", "inherit", "inherit"] });
  if ((await child.exited) !== 0) throw new Error(`${command.join(" ")} failed`);
}

function optionsOf(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      verify: { type: "boolean", default: false },
      "allow-dirty": { type: "boolean", default: false },
      maintainer: { type: "string", default: MAINTAINER },
    },
  });
  return { verify: values.verify, allowDirty: values["allow-dirty"], maintainer: values.maintainer };
}

if (import.meta.main) {
  // The modes of files are packed as they are on disk: those of folders come from here.
  process.umask(0o022);
  let options: Options;
  try {
    options = optionsOf(Bun.argv.slice(2));
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    console.error("usage: bun run release [--verify] [--allow-dirty] [--maintainer 'NAME <MAIL>']");
    process.exit(EXIT_USAGE);
  }
  try {
    await main(options);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exit(EXIT_FAILURE);
  }
}
