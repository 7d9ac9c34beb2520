// Secrets from files: a secret setting NAME may also be given as NAME_FILE, the path of a file with the value, or as a file of its
// lower-case name, or `checkout_` and that name, in $CREDENTIALS_DIRECTORY, where systemd puts the credentials of a unit: from
// LoadCredential=redis_url:FILE, and from LoadCredential=checkout:FOLDER for all files of a folder. The environment of a process is shown by
// /proc and inherited by its children; a file is neither. Called by config.ts for every role and for checkoutctl; its rules for a file
// also hold for the passwords and keys of kafka/security.ts and of `checkoutctl grants`.
import { closeSync, fstatSync, openSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export type Environment = Readonly<Record<string, string | undefined>>;

/** systemd sets it for a unit with credentials. */
export const CREDENTIALS_DIRECTORY = "CREDENTIALS_DIRECTORY";
/** No key, token or URL is longer. A larger file is some other file. */
const MAX_SECRET_BYTES = 65_536;
const READABLE_BY_OTHERS = 0o004;

export interface FoundSecret {
  /** Undefined if it is not set, or if there is a fault. */
  readonly text: string | undefined;
  /** What is wrong, with the setting's name and the file, never with the value. */
  readonly fault?: string;
  /** What should be changed although the role starts. */
  readonly warning?: string;
}

/** The setting that names the file of a secret. */
export function fileSettingOf(name: string): string {
  return `${name}_FILE`;
}

/** The name of its credential. */
export function credentialOf(name: string): string {
  return name.toLowerCase();
}

/** systemd puts it before the name of each file of a folder that is loaded as `checkout`. */
const FOLDER_PREFIX = "checkout_";

/** The credentials that this process was given, each with its name without the folder's. */
export function givenCredentials(
  env: Environment,
): readonly { readonly file: string; readonly name: string }[] {
  const directory = env[CREDENTIALS_DIRECTORY];
  if (!isSet(directory)) return [];
  let files: readonly string[];
  try {
    files = readdirSync(directory);
  } catch {
    // The code that reads a secret from it reports what is wrong.
    return [];
  }
  return files.map((file) => ({
    file: join(directory, file),
    name: file.startsWith(FOLDER_PREFIX) ? file.slice(FOLDER_PREFIX.length) : file,
  }));
}

/** The value of the secret setting `name`, from wherever it is given. */
export function findSecret(name: string, env: Environment): FoundSecret {
  const places = placesOf(name, env);
  const [place, other] = places;
  if (place === undefined) return { text: undefined };
  if (other !== undefined) {
    const all = places.map(({ words }) => words).join(" and by ");
    return { text: undefined, fault: `${name} is given twice, by ${all}: keep one` };
  }
  return place.path === undefined ? { text: env[name] } : readSecretFile(place.words, place.path);
}

interface Place {
  /** How the setting was given, for people. */
  readonly words: string;
  /** The file; undefined for the setting itself. */
  readonly path?: string;
}

function placesOf(name: string, env: Environment): readonly Place[] {
  const places: Place[] = [];
  if (isSet(env[name])) places.push({ words: `${name} itself` });
  const setting = fileSettingOf(name);
  const path = env[setting];
  if (isSet(path)) places.push({ words: setting, path });
  const directory = env[CREDENTIALS_DIRECTORY];
  if (isSet(directory)) {
    for (const prefix of ["", FOLDER_PREFIX]) {
      const file = join(directory, prefix + credentialOf(name));
      // A credential that is not there is not given; a file that is named must be there.
      if (stateOf(file) !== "ENOENT") places.push({ words: `the credential ${file}`, path: file });
    }
  }
  return places;
}

function isSet(text: string | undefined): text is string {
  return text !== undefined && text !== "";
}

/** The code of the error when it is opened, undefined if it opens. */
function stateOf(path: string): string | undefined {
  try {
    closeSync(openSync(path, "r"));
    return undefined;
  } catch (error) {
    return codeOf(error);
  }
}

/** The same rules for every file with a password or a key. `how` is the setting that names it, or the credential. */
export function readSecretFile(how: string, path: string): FoundSecret {
  const where = how.endsWith(path) ? how : `${how}=${path}`;
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (error) {
    return { text: undefined, fault: `${where} is not readable: ${whyNot(codeOf(error))}` };
  }
  try {
    const { mode, size } = fstatSync(file);
    if ((mode & 0o170000) === 0o040000)
      return { text: undefined, fault: `${where} is a folder: name a file in it` };
    if (size > MAX_SECRET_BYTES)
      return {
        text: undefined,
        fault: `${where} has ${size} bytes, more than any secret (${MAX_SECRET_BYTES}): name the right file`,
      };
    // Editors and `echo` end a file with a newline.
    const text = readFileSync(file, "utf8").replace(/[\r\n]+$/, "");
    if (text.trim() === "")
      return { text: undefined, fault: `${where} is an empty file: write the value into it` };
    if ((mode & READABLE_BY_OTHERS) === 0) return { text };
    const warning = `${where} is readable by every user of this machine: chmod o= ${path}, with a group that the role has`;
    return { text, warning };
  } finally {
    closeSync(file);
  }
}

function whyNot(code: string): string {
  switch (code) {
    case "ENOENT":
      return "there is no such file: create it, or correct the path";
    case "EACCES":
      return `this user (uid ${process.getuid?.() ?? "?"}) may not read it: chgrp it to a group of the role, mode 0640`;
    default:
      return code;
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}
