// The bill of materials (CycloneDX 1.6) of one binary: exactly the packages whose code the bundler put into it, as CycloneDX's own
// plugin lists them, and what no bundler knows: the Bun runtime, and librdkafka with its libraries if the Kafka addon is inside. The same
// binary has the same file. Called by main.ts.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { Version } from "@cyclonedx/cyclonedx-library/Spec";
import { JsonStrictValidator } from "@cyclonedx/cyclonedx-library/Validation";
import { cyclonedxEsbuildPlugin } from "@cyclonedx/cyclonedx-esbuild";
import { REPOSITORY } from "../../stack/paths.ts";

/** The package whose code needs the addon. */
const KAFKA_PACKAGE = "@confluentinc/kafka-javascript";

/** The part of the format that is read or written here. */
interface Component {
  readonly "bom-ref"?: string;
  readonly type: string;
  readonly group?: string;
  readonly name: string;
  readonly version?: string;
  readonly purl?: string;
  readonly description?: string;
  readonly licenses?: readonly unknown[];
  readonly [field: string]: unknown;
}
interface Dependency {
  readonly ref: string;
  readonly dependsOn?: readonly string[];
}
interface Bom {
  readonly metadata: { readonly component?: Component; readonly [field: string]: unknown };
  readonly components: readonly Component[];
  readonly dependencies: readonly Dependency[];
  readonly [field: string]: unknown;
}

export interface Binary {
  readonly name: string;
  /** What `--version` says. */
  readonly release: string;
  /** Its file. */
  readonly file: string;
  /** Epoch seconds of the commit. */
  readonly committedAt: number;
}

/** For the bundler: writes into `file` what the bundle contains. `completeBom` has to follow. */
export function bomPlugin(file: string): Bun.BunPlugin {
  // Made for esbuild, whose types are not installed; it says of itself that it is also a plugin of Bun.
  const plugin: Bun.BunPlugin = cyclonedxEsbuildPlugin({
    outputFile: file,
    specVersion: "1.6",
    outputReproducible: true,
    // Licences such as MIT ask that their text goes with the copies.
    gatherLicenseTexts: true,
    validate: false,
    logLevel: "silent",
  });
  return plugin;
}

/** Completes the file of `bomPlugin`; `native` is from `nativeComponents`. Throws if the result is no valid CycloneDX 1.6. */
export async function completeBom(file: string, binary: Binary, native: readonly Component[]): Promise<void> {
  const found: Bom = JSON.parse(readFileSync(file, "utf8"));
  const text = `${JSON.stringify(completed(found, binary, native), null, 2)}\n`;
  const faults = await new JsonStrictValidator(Version.v1dot6).validate(text);
  if (faults !== null) throw new Error(`${file} is not valid CycloneDX: ${JSON.stringify(faults)}`);
  writeFileSync(file, text);
}

/** `found` is what the bundler's plugin wrote; `native` are the parts of the addon. */
export function completed(found: Bom, binary: Binary, native: readonly Component[]): Bom {
  const root = found.metadata.component?.["bom-ref"] ?? "";
  const self: Component = {
    type: "application",
    "bom-ref": `${binary.name}@${binary.release}`,
    name: binary.name,
    version: binary.release,
    licenses: [{ license: { id: "MIT" } }],
    hashes: [{ alg: "SHA-256", content: sha256(readFileSync(binary.file)) }],
  };
  const kafka = found.components.find(
    ({ group, name }) => (group === undefined ? name : `${group}/${name}`) === KAFKA_PACKAGE,
  );
  const addon = kafka === undefined ? [] : native;
  const runtime = bunComponent();
  const refOf = (component: Component) => component["bom-ref"] ?? component.name;
  const renamed = (ref: string) => (ref === root ? refOf(self) : ref);
  const dependencies = found.dependencies.map(({ ref, dependsOn = [] }): Dependency => {
    const more = ref === root ? [refOf(runtime)] : ref === kafka?.["bom-ref"] ? addon.map(refOf) : [];
    return { ref: renamed(ref), dependsOn: [...dependsOn.map(renamed), ...more].toSorted() };
  });
  const leaves = [runtime, ...addon].map((component): Dependency => ({ ref: refOf(component) }));
  const bom: Bom = {
    ...found,
    metadata: {
      timestamp: new Date(binary.committedAt * 1_000).toISOString(),
      ...found.metadata,
      component: self,
    },
    components: [...found.components, runtime, ...addon],
    dependencies: [...dependencies, ...leaves],
  };
  return {
    $schema: bom["$schema"],
    bomFormat: bom["bomFormat"],
    specVersion: bom["specVersion"],
    serialNumber: serialOf(bom),
    ...bom,
  };
}

/** A name of this content (UUID version 8, RFC 9562): the same bill has the same one. */
function serialOf(bom: Bom): string {
  const hex = sha256(JSON.stringify(bom));
  return `urn:uuid:${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

function bunComponent(): Component {
  return {
    type: "platform",
    "bom-ref": `bun@${Bun.version}`,
    name: "bun",
    version: Bun.version,
    description: `the runtime, with JavaScriptCore (LGPL-2.0-or-later) and the libraries that its licence page lists; revision ${Bun.revision}`,
    licenses: [{ license: { id: "MIT" } }],
    purl: `pkg:npm/bun@${Bun.version}`,
  };
}

interface Linked {
  readonly debian: string;
  readonly name: string;
  readonly license: string;
  /** Files with licence texts besides the package's own. */
  readonly more?: readonly string[];
}

/** Debian packages whose static libraries are linked into the addon. */
const LINKED: readonly Linked[] = [
  {
    debian: "libssl-dev",
    name: "openssl",
    license: "Apache-2.0",
    // Its copyright file only names this one.
    more: ["/usr/share/common-licenses/Apache-2.0"],
  },
  { debian: "zlib1g-dev", name: "zlib", license: "Zlib" },
  { debian: "libzstd-dev", name: "zstd", license: "BSD-3-Clause" },
];

/** What the addon was compiled from on this machine. */
export function nativeComponents(): readonly Component[] {
  const librdkafka = join(REPOSITORY, "node_modules", KAFKA_PACKAGE, "deps/librdkafka");
  const version = librdkafkaVersion(readFileSync(join(librdkafka, "src/rdkafka.h"), "utf8"));
  const nan: { readonly version: string } = JSON.parse(
    readFileSync(join(REPOSITORY, "node_modules/nan/package.json"), "utf8"),
  );
  return [
    {
      ...library("librdkafka", version, "BSD-2-Clause", `pkg:github/confluentinc/librdkafka@v${version}`),
      ...licenceTexts([join(librdkafka, "LICENSE")]),
      components: partsOfLibrdkafka(librdkafka),
    },
    {
      ...library("nan", nan.version, "MIT", `pkg:npm/nan@${nan.version}`),
      ...licenceTexts([join(REPOSITORY, "node_modules/nan/LICENSE.md")]),
    },
    ...LINKED.map(({ debian, name, license, more = [] }) => {
      const installed = debianVersion(debian);
      const purl = `pkg:deb/debian/${debian}@${encodeURIComponent(installed)}?arch=amd64`;
      const texts = licenceTexts([`/usr/share/doc/${debian}/copyright`, ...more]);
      return { ...library(name, installed, license, purl), ...texts };
    }),
    compilerRuntime(),
  ];
}

/** Code of others that librdkafka's source contains, such as lz4 and snappy: for each it has a file LICENSE.NAME. */
function partsOfLibrdkafka(folder: string): readonly Component[] {
  const files = readdirSync(folder).filter((name) => name.startsWith("LICENSE."));
  return files.toSorted().map((file) => {
    const name = file.slice("LICENSE.".length);
    const texts = licenceTexts([join(folder, file)]);
    return { type: "library", "bom-ref": `librdkafka/${name}`, name, ...texts };
  });
}

/** In the form in which CycloneDX's plugin adds the texts of packages. */
function licenceTexts(files: readonly string[]): Pick<Component, "evidence"> {
  const licenses = files.map((file) => {
    const content = readFileSync(file).toString("base64");
    return {
      license: {
        name: `file: ${basename(file)}`,
        text: { content, contentType: "text/plain", encoding: "base64" },
      },
    };
  });
  return { evidence: { licenses } };
}

function compilerRuntime(): Component {
  const version = Bun.spawnSync(["g++", "-dumpfullversion"]).stdout.toString().trim();
  const about = {
    description:
      "libstdc++ and libgcc, linked statically; the exception of their licence frees the program from its terms",
  };
  const licenses = [{ expression: "GPL-3.0-or-later WITH GCC-exception-3.1" }];
  return { type: "library", "bom-ref": `gcc@${version}`, name: "gcc", version, ...about, licenses };
}

function library(name: string, version: string, license: string, purl: string): Component {
  return {
    type: "library",
    "bom-ref": `${name}@${version}`,
    name,
    version,
    licenses: [{ license: { id: license } }],
    purl,
  };
}

/** `#define RD_KAFKA_VERSION 0xMMmmrrpp`, as rdkafka.h explains it. */
export function librdkafkaVersion(header: string): string {
  const [, hex] = /#define\s+RD_KAFKA_VERSION\s+0x([0-9a-f]{8})/i.exec(header) ?? [];
  if (hex === undefined) throw new Error("rdkafka.h does not define RD_KAFKA_VERSION");
  return [0, 2, 4].map((at) => Number.parseInt(hex.slice(at, at + 2), 16)).join(".");
}

function debianVersion(name: string): string {
  const query = Bun.spawnSync(["dpkg-query", "--show", "--showformat=${Version}", name]);
  if (query.exitCode !== 0)
    throw new Error(
      `the package ${name} is not installed: a release is built on Debian, and "npm run setup" says which packages are missing`,
    );
  return query.stdout.toString().trim();
}

export function sha256(bytes: string | Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
