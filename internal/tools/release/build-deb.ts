// Writes one .deb: lays the files out in a folder and runs dpkg-deb. Byte for byte the same for the same contents: dpkg-deb sorts the
// names, gives everything to root, and takes no time later than SOURCE_DATE_EPOCH. Called by main.ts.
import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  linkSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { controlOf, type DebianPackage, type PackagedFile, type ReleaseContents } from "./debian.ts";

/** Returns the name of the file in `target`. `work` is a folder on the same file system as the binaries. */
export function buildDeb(
  one: DebianPackage,
  contents: ReleaseContents,
  target: string,
  work: string,
): string {
  const root = join(work, one.name);
  rmSync(root, { recursive: true, force: true });
  const files = withOverrides(one);
  for (const file of files) place(root, file, contents.committedAt);
  for (const { path, mode } of one.folders) {
    mkdirSync(join(root, path), { recursive: true });
    chmodSync(join(root, path), mode);
  }
  writeControl(root, one, contents, files);
  const name = `${one.name}_${contents.version}_${one.architecture}.deb`;
  // xz, the default, takes minutes for each binary, and Debian 12's lintian does not know zstd.
  const compression = ["-Zgzip", "-z4"];
  const build = Bun.spawnSync(
    ["dpkg-deb", "--root-owner-group", ...compression, "--build", root, join(target, name)],
    {
      env: {
        PATH: process.env["PATH"] ?? "",
        SOURCE_DATE_EPOCH: String(contents.committedAt),
        LC_ALL: "C.UTF-8",
      },
    },
  );
  if (build.exitCode !== 0) throw new Error(`dpkg-deb cannot build ${name}: ${build.stderr.toString()}`);
  rmSync(root, { recursive: true });
  return name;
}

function withOverrides(one: DebianPackage): readonly PackagedFile[] {
  if (one.overrides.length === 0) return one.files;
  const text = `${one.overrides.join("\n")}\n`;
  return [...one.files, { path: `/usr/share/lintian/overrides/${one.name}`, mode: 0o644, text }];
}

function place(root: string, { path, mode, text = "", copyOf }: PackagedFile, at: number): void {
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  if (copyOf === undefined) writeFileSync(file, text);
  else linkOrCopy(copyOf, file);
  chmodSync(file, mode);
  utimesSync(file, at, at);
}

/** A link saves copying a hundred megabytes; dpkg-deb only reads. */
function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to);
  }
}

function writeControl(
  root: string,
  one: DebianPackage,
  contents: ReleaseContents,
  files: readonly PackagedFile[],
): void {
  const sizes = files.map(({ path }) => statSync(join(root, path)).size);
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  const sums = files
    .map(({ path }) => path)
    .toSorted()
    .map(
      (path) =>
        `${createHash("md5")
          .update(readFileSync(join(root, path)))
          .digest("hex")}  ${path.slice(1)}\n`,
    );
  const control: PackagedFile[] = [
    { path: "/DEBIAN/control", mode: 0o644, text: controlOf(one, contents, bytes) },
    { path: "/DEBIAN/md5sums", mode: 0o644, text: sums.join("") },
    ...Object.entries(one.scripts).map(([name, text]) => ({ path: `/DEBIAN/${name}`, mode: 0o755, text })),
  ];
  const conffiles = one.conffiles.map((path) => `${path}\n`).join("");
  if (conffiles !== "") control.push({ path: "/DEBIAN/conffiles", mode: 0o644, text: conffiles });
  for (const file of control) place(root, file, contents.committedAt);
}
