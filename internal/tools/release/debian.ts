// The Debian packages: what is in each, and its control files. One for each role, `checkoutctl`, `checkout-common` with what they share,
// and `checkout`, which has nothing of its own and brings all roles of a shop. Called by main.ts, which has the binaries.
//
// Installing starts nothing and enables nothing: a role without its settings could only fail. An upgrade restarts nothing either, because
// roles are replaced in an order (runbook, "A new version").
import { gzipSync } from "node:zlib";
import { binaryName } from "../build.ts";
import { commonEnvFile, operatorEnvFile, roleEnvFile } from "./env-files.ts";
import { maintainerScripts } from "./maintainer-scripts.ts";
import {
  ETC,
  envFile,
  PACKAGED_ROLES,
  type PackagedRole,
  secretsFolder,
  SHOP_ROLES,
  TARGET,
  unitName,
} from "./packaged-roles.ts";
import { targetUnit, unitOf } from "./units.ts";

/** A file of a package: its content, or the path of a file to copy. */
export interface PackagedFile {
  readonly path: string;
  readonly mode: number;
  readonly text?: string | Uint8Array;
  readonly copyOf?: string;
}

export interface DebianPackage {
  readonly name: string;
  readonly architecture: "amd64" | "all";
  readonly depends: readonly string[];
  readonly suggests?: readonly string[];
  readonly summary: string;
  /** Lines of the long description. */
  readonly description: readonly string[];
  readonly files: readonly PackagedFile[];
  /** Folders that may be empty, with their modes. */
  readonly folders: readonly { readonly path: string; readonly mode: number }[];
  readonly conffiles: readonly string[];
  /** postinst, prerm and the like, by name. */
  readonly scripts: Readonly<Record<string, string>>;
  /** Tags of lintian that do not fit, with the reason as a comment. */
  readonly overrides: readonly string[];
}

export interface ReleaseContents {
  readonly version: string;
  readonly maintainer: string;
  /** Epoch seconds of the commit. */
  readonly committedAt: number;
  /** Folder with the binaries and their bills of materials. */
  readonly folder: string;
  /** The texts of docs/ and of LICENSE, by file name. */
  readonly docs: Readonly<Record<string, string>>;
  readonly license: string;
}

/** The addon is linked on Debian 12. */
const LIBC = "libc6 (>= 2.36)";
const UNITS = "/usr/lib/systemd/system";

export function debianPackages(contents: ReleaseContents): readonly DebianPackage[] {
  const roles = PACKAGED_ROLES.map((role) => rolePackage(role, contents));
  return [...roles, operatorPackage(contents), commonPackage(contents), metaPackage(contents)];
}

function rolePackage(packaged: PackagedRole, contents: ReleaseContents): DebianPackage {
  const { role, what } = packaged;
  const name = binaryName(role);
  return {
    name,
    architecture: "amd64",
    depends: [common(contents), "adduser", LIBC],
    summary: `checkout saga, ${what.split(":")[0] ?? ""}`,
    description: [`${what[0]?.toUpperCase()}${what.slice(1)}.`, ...STARTS_NOTHING],
    files: [
      ...binaryFiles(name, contents),
      { path: `${UNITS}/${unitName(role)}`, mode: 0o644, text: unitOf(packaged) },
      { path: envFile(role), mode: 0o640, text: roleEnvFile(packaged) },
      ...documents(name, contents),
    ],
    folders: [{ path: secretsFolder(role), mode: 0o700 }],
    conffiles: [envFile(role)],
    scripts: maintainerScripts(role),
    overrides: [
      ...overridesOf(name, role),
      "# The target of all roles, in checkout-common.",
      `${name}: systemd-service-file-refers-to-unusual-wantedby-target ${TARGET} *`,
      "# The operator enabled it with systemctl, so deb-systemd-helper does not know of it.",
      `${name}: maintainer-script-calls-systemctl *`,
    ],
  };
}

function operatorPackage(contents: ReleaseContents): DebianPackage {
  const name = "checkoutctl";
  return {
    name,
    architecture: "amd64",
    depends: [common(contents), LIBC],
    summary: "checkout saga, the operators' command line",
    description: ["Migrations, topics, the audit, dead letters, keys, tokens, the doctor."],
    files: [
      ...binaryFiles(name, contents),
      { path: envFile(name), mode: 0o640, text: operatorEnvFile() },
      ...documents(name, contents),
    ],
    folders: [{ path: secretsFolder(name), mode: 0o700 }],
    conffiles: [envFile(name)],
    scripts: {},
    overrides: overridesOf(name, name),
  };
}

function commonPackage(contents: ReleaseContents): DebianPackage {
  const name = "checkout-common";
  const manual = Object.entries(contents.docs).map(([file, text]) => ({
    path: `/usr/share/doc/${name}/${file}`,
    mode: 0o644,
    text,
  }));
  return {
    name,
    architecture: "all",
    depends: [],
    summary: "checkout saga, what the roles share",
    description: ["Settings that all roles of a machine share, the target that starts", "them, the manual."],
    files: [
      { path: `${UNITS}/${TARGET}`, mode: 0o644, text: targetUnit() },
      { path: envFile("common"), mode: 0o640, text: commonEnvFile() },
      ...manual,
      ...documents(name, contents),
    ],
    folders: [{ path: `${ETC}/secrets`, mode: 0o700 }],
    conffiles: [envFile("common")],
    scripts: maintainerScripts(undefined),
    overrides: [
      "# Only root and its group read settings.",
      `${name}: non-standard-file-perm 0640 != 0644 [${envFile("common").slice(1)}]`,
      `${name}: non-standard-dir-perm 0700 != 0755 [${ETC.slice(1)}/secrets/]`,
      "# The operator enabled the target with systemctl, so deb-systemd-helper does not know of it.",
      `${name}: maintainer-script-calls-systemctl *`,
    ],
  };
}

function metaPackage(contents: ReleaseContents): DebianPackage {
  const name = "checkout";
  const roles = SHOP_ROLES.map((role) => `${binaryName(role)} (= ${contents.version})`);
  return {
    name,
    architecture: "all",
    depends: [...roles, `checkoutctl (= ${contents.version})`],
    suggests: ["checkout-paysim", "postgresql", "redis-server"],
    summary: "all roles of a shop (checkout saga)",
    description: ["A metapackage: installs every role and checkoutctl on one machine.", ...STARTS_NOTHING],
    files: documents(name, contents),
    folders: [],
    conffiles: [],
    scripts: {},
    overrides: [],
  };
}

const STARTS_NOTHING = [
  "Nothing starts before it has its settings: see",
  "/usr/share/doc/checkout-common/deploy.md.",
];

function common({ version }: ReleaseContents): string {
  // Not the same one: roles may be upgraded one after the other.
  return `checkout-common (>= ${version})`;
}

function binaryFiles(name: string, { folder }: ReleaseContents): readonly PackagedFile[] {
  return [
    { path: `/usr/bin/${name}`, mode: 0o755, copyOf: `${folder}/${name}` },
    // Has the licences of everything in the binary.
    { path: `/usr/share/doc/${name}/${name}.cdx.json`, mode: 0o644, copyOf: `${folder}/${name}.cdx.json` },
  ];
}

function documents(name: string, contents: ReleaseContents): readonly PackagedFile[] {
  const { version, maintainer, committedAt, license } = contents;
  const date = new Date(committedAt * 1_000).toUTCString().replace("GMT", "+0000");
  const changelog = `${name} (${version}) unstable; urgency=medium\n\n  * See /usr/share/doc/checkout-common/CHANGELOG.md.\n\n -- ${maintainer}  ${date}\n`;
  return [
    { path: `/usr/share/doc/${name}/changelog.gz`, mode: 0o644, text: gzipSync(changelog, { level: 9 }) },
    { path: `/usr/share/doc/${name}/copyright`, mode: 0o644, text: copyrightOf(name, license) },
  ];
}

function copyrightOf(name: string, license: string): string {
  const paragraphs = license
    .trim()
    .split("\n")
    .map((line) => (line.trim() === "" ? " ." : ` ${line}`));
  const holder = /^Copyright.*$/m.exec(license)?.[0] ?? "";
  return `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: checkout-saga
Comment: /usr/share/doc/${name}/ has a bill of materials (CycloneDX) with the
 licences of all third-party code in the binary, if the package has one. Their
 texts are in it, in base64 (evidence.licenses), also those of the libraries
 that are linked into the Kafka addon: librdkafka and the code of others in it,
 OpenSSL, zlib, zstd. Not in it is Bun's own list:
 https://github.com/oven-sh/bun/blob/main/LICENSE.md

Files: *
Copyright: ${holder.replace(/^Copyright \(c\) /, "")}
License: Expat
${paragraphs.join("\n")}
`;
}

/** `settings` is the name of its file in /etc/checkout. */
function overridesOf(name: string, settings: string): readonly string[] {
  return [
    "# A compiled Bun program has its code behind the executable: stripping would cut it off.",
    `${name}: unstripped-binary-or-object [usr/bin/${name}]`,
    "# Bun is linked so by its makers, and brings its own copies of libraries.",
    `${name}: hardening-no-pie [usr/bin/${name}]`,
    `${name}: hardening-no-relro [usr/bin/${name}]`,
    `${name}: embedded-library *`,
    "# --help has all that a page would have.",
    `${name}: no-manual-page [usr/bin/${name}]`,
    "# Only root and its group read settings; only root reads secrets.",
    `${name}: non-standard-file-perm 0640 != 0644 [${envFile(settings).slice(1)}]`,
    `${name}: non-standard-dir-perm 0700 != 0755 [${secretsFolder(settings).slice(1)}/]`,
  ];
}

/** The text of DEBIAN/control. `installedBytes` is the size of all files. */
export function controlOf(one: DebianPackage, contents: ReleaseContents, installedBytes: number): string {
  const fields: readonly (readonly [string, string])[] = [
    ["Package", one.name],
    ["Source", one.name === "checkout" ? "" : "checkout"],
    ["Version", contents.version],
    ["Architecture", one.architecture],
    ["Maintainer", contents.maintainer],
    ["Installed-Size", String(Math.ceil(installedBytes / 1_024))],
    ["Depends", one.depends.join(", ")],
    ["Suggests", (one.suggests ?? []).join(", ")],
    ["Section", "net"],
    ["Priority", "optional"],
    ["Description", [one.summary, ...one.description.map((line) => ` ${line}`)].join("\n")],
  ];
  const lines = fields.filter(([, value]) => value !== "").map(([field, value]) => `${field}: ${value}`);
  return `${lines.join("\n")}\n`;
}
