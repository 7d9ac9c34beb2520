// What has passed a check before and is as it was, with everything that it depends on, so that `bun run check` need not check it again.
// `npm test` checks everything each time.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { join as joinPosix, dirname as dirnamePosix } from "node:path/posix";

export const CODE = /\.(?:[cm]?[jt]s|tsx)$/;
/** The module of a static or dynamic import of a file of ours, also of its types. */
const IMPORTED = /\b(?:from|import)[\s(]*"(\.{1,2}\/[^"]+)"/g;
/** What is part of every check: versions, settings, and types that nobody imports. */
const COMMON =
  /^(?:package-lock\.json|package\.json|bunfig\.toml|\.oxlintrc\.json)$|(?:^|\/)tsconfig\.json$|\.d\.ts$/;
const GLOBAL_TYPES = /^\s*declare (?:global|module)\b/m;
/** How code reaches files of the checkout that it does not import: it knows where it is, or names them from the working directory. */
const READS =
  /\bimport\.meta\.(?:dir|path|url|file|require|resolve)|\bprocess\.cwd\(|\bBun\.(?:Glob|spawn|spawnSync|build|\$)|\bimport\((?!\s*")|\b(?:readFileSync|readdirSync|existsSync|statSync|openSync|cpSync|copyFileSync|Bun\.file)\(\s*["'`][^/"'`]/;

/** The files of a checkout at one moment. Paths are relative to it. */
export class SourceTree {
  readonly #texts: ReadonlyMap<string, string>;
  readonly #digests: ReadonlyMap<string, string>;
  readonly #imports = new Map<string, readonly string[]>();
  /** Of all files. */
  readonly digest: string;
  readonly #common: string;

  constructor(texts: ReadonlyMap<string, string>) {
    this.#texts = texts;
    this.#digests = new Map(Array.from(texts, ([path, text]) => [path, digestOf([text])]));
    this.digest = this.#digestOfFiles([...texts.keys()]);
    const isCommon = (path: string) =>
      COMMON.test(path) || (CODE.test(path) && GLOBAL_TYPES.test(texts.get(path) ?? ""));
    this.#common = digestOf([Bun.version, this.#digestOfFiles([...texts.keys()].filter(isCommon))]);
  }

  /** What git tracks or would track. Null outside of a git checkout. */
  static read(root: string): SourceTree | null {
    const git = Bun.which("git");
    if (git === null) return null;
    const command = [git, "ls-files", "--cached", "--others", "--exclude-standard", "-z"];
    const { exitCode, stdout } = Bun.spawnSync(command, { cwd: root, stderr: "ignore" });
    if (exitCode !== 0) return null;
    const paths = new Set(stdout.toString().split("\0"));
    // git names a deleted file until its deletion is committed, and another repository in the checkout as a folder.
    const isFile = (path: string) => statSync(join(root, path), { throwIfNoEntry: false })?.isFile() === true;
    const files = [...paths].filter(isFile);
    return new SourceTree(new Map(files.map((path) => [path, readFileSync(join(root, path), "latin1")])));
  }

  /** The paths that match. */
  files(pattern: RegExp): readonly string[] {
    return [...this.#texts.keys()].filter((path) => pattern.test(path));
  }

  /** Changes with any of the files that match. */
  ofFiles(pattern: RegExp): string {
    return digestOf([Bun.version, this.#digestOfFiles(this.files(pattern))]);
  }

  /** Changes with the file, with whatever it imports, by way of others too, and with the settings of the checks. */
  ofFile(path: string): string {
    return digestOf([this.#common, this.#digestOfFiles(this.#closure(path))]);
  }

  /** The same for a test that runs; one whose code may read files of the checkout changes with every file. */
  ofTest(path: string): string {
    const isReader = this.#closure(path).some((file) => CODE.test(file) && READS.test(this.#textOf(file)));
    return isReader ? digestOf([this.#common, this.digest]) : this.ofFile(path);
  }

  #closure(path: string): readonly string[] {
    const seen = new Set([path]);
    for (const file of seen) for (const imported of this.#importsOf(file)) seen.add(imported);
    return [...seen];
  }

  #importsOf(path: string): readonly string[] {
    const known = this.#imports.get(path);
    if (known !== undefined) return known;
    const found = CODE.test(path)
      ? [...this.#textOf(path).matchAll(IMPORTED)].map(([, to = ""]) => joinPosix(dirnamePosix(path), to))
      : [];
    this.#imports.set(path, found);
    return found;
  }

  #textOf(path: string): string {
    return this.#texts.get(path) ?? "";
  }

  #digestOfFiles(paths: readonly string[]): string {
    return digestOf(paths.toSorted().map((path) => `${path} ${this.#digests.get(path) ?? "missing"}`));
  }
}

type Digests = Readonly<Record<string, string>>;

/** Kept in a file, by check: the files that passed, each with its digest at that time. */
export class Passed {
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  /** The names whose digest has not passed this check. */
  due(check: string, digests: Digests): readonly string[] {
    const passed = this.#read()[check] ?? {};
    return Object.keys(digests).filter((name) => passed[name] !== digests[name]);
  }

  /** What else passed this check before is forgotten. */
  note(check: string, digests: Digests): void {
    const all = { ...this.#read(), [check]: digests };
    mkdirSync(dirname(this.#file), { recursive: true });
    // Renamed, because another check may read it now.
    const unfinished = `${this.#file}.${process.pid}`;
    writeFileSync(unfinished, JSON.stringify(all));
    renameSync(unfinished, this.#file);
  }

  #read(): Readonly<Record<string, Digests>> {
    if (!existsSync(this.#file)) return {};
    const kept: Readonly<Record<string, Digests>> = JSON.parse(readFileSync(this.#file, "utf8"));
    return kept;
  }
}

function digestOf(parts: readonly string[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part).update("\0");
  return hash.digest("hex").slice(0, 24);
}
