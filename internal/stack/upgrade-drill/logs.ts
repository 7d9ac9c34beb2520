// What the processes of the drill log: each line of level error or worse, and each about something unknown, is a fault.
import { closeSync, existsSync, fstatSync, openSync, readSync } from "node:fs";

const SEVERE = new Set(["error", "fatal"]);
/** A message, field or statement of another release that this one could not read. */
const UNKNOWN =
  /UNKNOWN_TYPE|SCHEMA_VIOLATION|WRONG_TOPIC|MESSAGE_INVALID|cached plan|does not answer like|unknown (?:field|message)/;

/** A statement that does not fit the schema, or a prepared one that a migration has broken. A lost race, which is repeated, is none. */
const MISFIT =
  /cached plan|does not exist|permission denied|violates (?:not-null|check) constraint|ON CONFLICT specification/;

interface Line {
  readonly level?: string;
  readonly msg?: string;
  readonly time?: string;
  readonly err?: { readonly message?: string; readonly code?: string };
}

/** The faults among these lines of a log, one sentence each. Pure. */
export function faultsIn(text: string): readonly string[] {
  return text.split("\n").flatMap((line) => {
    if (line === "") return [];
    const parsed = parse(line);
    // A crash is no JSON.
    if (parsed === null) return [line];
    if (!SEVERE.has(parsed.level ?? "") && !UNKNOWN.test(line)) return [];
    const cause = parsed.err?.message;
    return [`${parsed.level}: ${parsed.msg ?? line}${cause === undefined ? "" : ` (${cause})`}`];
  });
}

/** The same of a log of Postgres. Pure. */
export function databaseFaultsIn(text: string): readonly string[] {
  return text.split("\n").filter((line) => line.includes(" ERROR: ") && MISFIT.test(line));
}

function parse(line: string): Line | null {
  try {
    const parsed: Line | null = JSON.parse(line);
    return parsed;
  } catch {
    return null;
  }
}

/** Reads what was added to some files since the last time. */
export class LogTail {
  readonly #offsets = new Map<string, number>();

  /** Complete lines only. */
  read(file: string): string {
    if (!existsSync(file)) return "";
    const descriptor = openSync(file, "r");
    try {
      const from = this.#offsets.get(file) ?? 0;
      const bytes = Buffer.alloc(Math.max(0, fstatSync(descriptor).size - from));
      readSync(descriptor, bytes, 0, bytes.length, from);
      const end = bytes.lastIndexOf("\n") + 1;
      this.#offsets.set(file, from + end);
      return bytes.toString("utf8", 0, end);
    } finally {
      closeSync(descriptor);
    }
  }
}
