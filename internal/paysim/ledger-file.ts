// The ledger on disk: append-only JSON lines, one write(2) for all entries of one turn of the event loop. A written line survives
// `kill -9` of this process. It is not fsynced, because a simulator need not survive a crash of the machine.
import { closeSync, fstatSync, ftruncateSync, mkdirSync, openSync, readSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import type { Static, TSchema } from "@sinclair/typebox";
import type { TypeCheck } from "@sinclair/typebox/compiler";
import { assert } from "../kernel/errors.ts";

const READ_CHUNK_BYTES = 1 << 20;
const NEWLINE = 0x0a;

/** `Entry` is one line of the file. */
export class LedgerFile<Entry> {
  readonly path: string;
  readonly #fd: number;
  #bytes: number;
  #closed = false;
  #lines: string[] = [];
  #flush: Promise<void> | null = null;

  private constructor(path: string, fd: number, bytes: number) {
    this.path = path;
    this.#fd = fd;
    this.#bytes = bytes;
  }

  /**
   * Opens or creates the file and passes every entry to `replay`, in order. An incomplete last line was being written when the process
   * died; no response showed it, so it is cut off. Any other unreadable line throws.
   */
  static open<Schema extends TSchema>(
    path: string,
    schema: TypeCheck<Schema>,
    replay: (entry: Static<Schema>) => void,
  ): LedgerFile<Static<Schema>> {
    mkdirSync(dirname(path), { recursive: true });
    const fd = openSync(path, "a+");
    try {
      const bytes = readEntries(fd, path, schema, replay);
      if (fstatSync(fd).size > bytes) ftruncateSync(fd, bytes);
      return new LedgerFile<Static<Schema>>(path, fd, bytes);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /** Length of the part of the file that holds whole entries. */
  get bytes(): number {
    return this.#bytes;
  }

  append(entry: Entry): void {
    this.#lines.push(JSON.stringify(entry));
    this.#flush ??= new Promise((resolve) => {
      setImmediate(() => {
        this.#write();
        resolve();
      });
    });
  }

  /**
   * Resolves when everything appended so far is in the file. A failing write throws from the event loop and ends the process, because
   * the ledger in memory is then ahead of the file and only a restart from the file corrects that.
   */
  flushed(): Promise<void> {
    return this.#flush ?? Promise.resolve();
  }

  async close(): Promise<void> {
    await this.flushed();
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.#fd);
  }

  #write(): void {
    const group = Buffer.from(`${this.#lines.join("\n")}\n`);
    this.#lines = [];
    this.#flush = null;
    let written = 0;
    while (written < group.length) written += writeSync(this.#fd, group, written);
    this.#bytes += written;
  }
}

/** Returns the length of the complete lines, in bytes. */
function readEntries<Schema extends TSchema>(
  fd: number,
  path: string,
  schema: TypeCheck<Schema>,
  replay: (entry: Static<Schema>) => void,
): number {
  const chunk = Buffer.allocUnsafe(READ_CHUNK_BYTES);
  let rest: Buffer = Buffer.alloc(0);
  let position = 0;
  let wholeBytes = 0;
  for (;;) {
    const read = readSync(fd, chunk, 0, chunk.length, position);
    if (read === 0) return wholeBytes;
    position += read;
    const data = Buffer.concat([rest, chunk.subarray(0, read)]);
    let start = 0;
    for (let end = data.indexOf(NEWLINE); end >= 0; end = data.indexOf(NEWLINE, start)) {
      replay(parseLine(schema, data.toString("utf8", start, end), path, wholeBytes + start));
      start = end + 1;
    }
    wholeBytes += start;
    rest = Buffer.from(data.subarray(start));
  }
}

function parseLine<Schema extends TSchema>(
  schema: TypeCheck<Schema>,
  line: string,
  path: string,
  offset: number,
): Static<Schema> {
  let entry: unknown;
  try {
    entry = JSON.parse(line);
  } catch (cause) {
    throw new Error(`${path}: the line at byte ${offset} is not JSON`, { cause });
  }
  assert(schema.Check(entry), `${path}: the line at byte ${offset} is not a ledger entry`);
  return entry;
}
