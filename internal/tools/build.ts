// `bun run build [role...]`: compiles every role under cmd/ into one self-contained binary in dist/. Called by the demo, the
// tests and the release.
//
// A binary is only rebuilt if one of its input files has changed; the bundler reports the inputs.
import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { version } from "../../package.json";
import { buildNative } from "../platform/kafka/native/build.ts";
import { kafkaNativePlugin } from "../platform/kafka/native/bundle-plugin.ts";
import { CACHE, DIST, REPOSITORY } from "../stack/paths.ts";

export interface BuiltBinary {
  readonly file: string;
  /** False if the existing binary was current. */
  readonly built: boolean;
  readonly seconds: number;
}

/** The inputs of one build: a fingerprint of the settings, and a hash per file. */
interface BuildRecord {
  readonly settings: string;
  readonly inputs: Readonly<Record<string, string>>;
}

/** All roles that have a main.ts, by folder name under cmd/. */
export function buildableRoles(): string[] {
  const folder = join(REPOSITORY, "cmd");
  return readdirSync(folder)
    .filter((role) => existsSync(join(folder, role, "main.ts")))
    .toSorted();
}

/** Builds one after the other: two at a time end no sooner. Calls `report` after each. */
export async function buildAll(
  roles: readonly string[],
  report: (binary: BuiltBinary) => void,
): Promise<void> {
  const addon = await stagedAddon();
  mkdirSync(DIST, { recursive: true });
  // Read once, so that all binaries of a build say the same version, also those whose files are as before.
  const release = `${version}${commit()}`;
  const settings = hashText(
    `${Bun.version} ${release} ${hashText(readFileSync(addon))} ${readFileSync(import.meta.path, "utf8")}`,
  );
  for (const role of roles) report(await buildRole({ role, addon, release, settings }));
}

/**
 * The native addon, built if necessary, at a path that is the same in every copy of the repository: the bundler's ids of chunks depend on
 * the paths of their files, relative to the repository.
 */
export async function stagedAddon(): Promise<string> {
  const built = await buildNative();
  const staged = join(CACHE, "build", "kafka.node");
  const unfinished = `${staged}.${process.pid}`;
  mkdirSync(dirname(staged), { recursive: true });
  // A copy, because the cache of built addons may be on another file system.
  copyFileSync(built, unfinished);
  renameSync(unfinished, staged);
  return staged;
}

interface RoleBuild extends Pick<Compilation, "role" | "addon" | "release"> {
  /** As in its BuildRecord. */
  readonly settings: string;
}

async function buildRole({ role, addon, release, settings }: RoleBuild): Promise<BuiltBinary> {
  const begun = performance.now();
  const file = join(DIST, binaryName(role));
  // Beside the binary that it describes: several checkouts may share the cache.
  const recordFile = join(DIST, ".inputs", `${role}.json`);
  const seconds = () => (performance.now() - begun) / 1000;
  if (existsSync(file) && isCurrent(recordFile, settings)) return { file, built: false, seconds: seconds() };

  // Built beside the target and then renamed, so that a running binary can be replaced.
  const folder = join(DIST, `.build.${process.pid}`);
  const inputs = await compileRole({ role, addon, release, folder });
  renameSync(join(folder, binaryName(role)), file);
  rmSync(folder, { recursive: true });
  const record: BuildRecord = {
    settings,
    inputs: Object.fromEntries(inputs.map((input) => [input, hashFile(input)])),
  };
  mkdirSync(dirname(recordFile), { recursive: true });
  writeFileSync(recordFile, JSON.stringify(record));
  return { file, built: true, seconds: seconds() };
}

export interface Compilation {
  readonly role: string;
  /** From `stagedAddon`. */
  readonly addon: string;
  /** What `--version` says. */
  readonly release: string;
  /** The binary gets its usual name in it. Nothing of this path is in the binary. */
  readonly folder: string;
  readonly plugins?: readonly Bun.BunPlugin[];
}

/**
 * Compiles one role and returns its input files, relative to the repository. The same sources, packages and addon make the same bytes,
 * in any folder; `bun run release --verify` and build.int.test.ts compare. Throws if it does not compile.
 */
export async function compileRole(compilation: Compilation): Promise<readonly string[]> {
  const { role, addon, release, folder, plugins = [] } = compilation;
  mkdirSync(folder, { recursive: true });
  // The bundler keeps the name of the file that it writes, so a temporary name would be in the binary.
  const outfile = join(folder, binaryName(role));
  const result = await Bun.build({
    entrypoints: [join(REPOSITORY, "cmd", role, "main.ts")],
    target: "bun",
    format: "esm",
    bytecode: true,
    // Keep names: a library that uses names of its own functions or classes works in tests, which run the source, but not in a
    // minified binary. Elysia's number checks were lost that way.
    minify: { whitespace: true, syntax: true, identifiers: false },
    sourcemap: "inline",
    // Otherwise the bundler writes the folders of packages on this machine into the code.
    define: { __dirname: '"/checkout"', __filename: '"/checkout/bundle.js"' },
    metafile: true,
    // A binary must not read settings from its working directory.
    compile: {
      outfile,
      autoloadDotenv: false,
      autoloadBunfig: false,
      autoloadTsconfig: false,
      autoloadPackageJson: false,
    },
    plugins: [kafkaNativePlugin(addon), versionPlugin(release), ...plugins],
    throw: false,
  });
  if (!result.success) {
    rmSync(outfile, { force: true });
    throw new Error(`cmd/${role} does not compile:\n${result.logs.map(String).join("\n")}`);
  }
  // The source map is also inside the binary, where stack traces find it.
  rmSync(`${outfile}.map`, { force: true });
  // The bundler names files relative to the working directory.
  return Object.keys(result.metafile?.inputs ?? {}).map((input) => relative(REPOSITORY, resolve(input)));
}

/** Sets the output of `--version`. `release`: the package version and the commit of the build. */
function versionPlugin(release: string): Bun.BunPlugin {
  return {
    name: "version",
    setup(build) {
      const packageFile = join(REPOSITORY, "package.json");
      build.onLoad({ filter: /package\.json$/ }, ({ path }) => {
        if (path !== packageFile) return undefined;
        return { contents: JSON.stringify({ version: release }), loader: "json" };
      });
    },
  };
}

/**
 * For example `+1a2b3c4d5e6f`, with `-dirty` if files differ from that commit; empty outside a git checkout. Of a fixed length: by default
 * git takes as many digits as the clone needs.
 */
export function commit(): string {
  const git = Bun.which("git");
  if (git === null) return "";
  const run = Bun.spawnSync([git, "describe", "--always", "--dirty", "--exclude=*", "--abbrev=12"], {
    cwd: REPOSITORY,
    stderr: "ignore",
  });
  return run.exitCode === 0 ? `+${run.stdout.toString().trim()}` : "";
}

export function binaryName(role: string): string {
  return role === "checkoutctl" ? role : `checkout-${role}`;
}

function isCurrent(recordFile: string, settings: string): boolean {
  if (!existsSync(recordFile)) return false;
  const record: BuildRecord = JSON.parse(readFileSync(recordFile, "utf8"));
  return (
    record.settings === settings &&
    Object.entries(record.inputs).every(([file, hash]) => hashFile(file) === hash)
  );
}

/** `path` is relative to the repository. Empty for a missing file. */
function hashFile(path: string): string {
  const file = join(REPOSITORY, path);
  return existsSync(file) ? hashText(readFileSync(file)) : "";
}

function hashText(text: string | Uint8Array): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}

if (import.meta.main) {
  const wanted = Bun.argv.slice(2);
  const known = buildableRoles();
  const unknown = wanted.filter((role) => !known.includes(role));
  if (unknown.length > 0) {
    console.error(`there is no cmd/${unknown.join(", cmd/")}; choose from ${known.join(", ")}`);
    process.exit(2);
  }
  try {
    await buildAll(wanted.length > 0 ? wanted : known, ({ file, built, seconds }) => {
      const what = built ? `built in ${seconds.toFixed(1)} s` : "unchanged";
      console.log(`  ${relative(REPOSITORY, file).padEnd(28)} ${what}`);
    });
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  }
}
