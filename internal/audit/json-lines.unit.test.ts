// Reading a journal, also while it is being written, and rejecting what is not one.
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readJournal } from "./json-lines.ts";

const directory = await mkdtemp(join(tmpdir(), "json-lines-"));
afterAll(() => rm(directory, { recursive: true }));

const saga = (digit: string) => `0197a000-0000-7000-8000-00000000000${digit}`;

async function journal(text: string): Promise<string> {
  const file = join(directory, crypto.randomUUID());
  await Bun.write(file, text);
  return file;
}

describe("a journal", () => {
  test("yields the saga id of each line, whatever else the line has", async () => {
    const file = await journal(`{"saga_id":"${saga("1")}"}\n{"at":1,"saga_id":"${saga("2")}"}\n`);
    expect(await Array.fromAsync(readJournal(file))).toEqual([saga("1"), saga("2")]);
  });

  test("may be read while its last line is being written", async () => {
    const file = await journal(`{"saga_id":"${saga("1")}"}\n{"saga_id":"${saga("2")}"`);
    expect(await Array.fromAsync(readJournal(file))).toEqual([saga("1")]);
  });

  test("that is longer than one read is read completely", async () => {
    const file = await journal(`{"saga_id":"${saga("1")}","note":"${"ü".repeat(1_000)}"}\n`.repeat(500));
    expect(await Array.fromAsync(readJournal(file))).toHaveLength(500);
  });

  test("with an invalid line is rejected with the line's number", async () => {
    const file = await journal(`{"saga_id":"${saga("1")}"}\n{"saga_id":7}\n`);
    const reading = Array.fromAsync(readJournal(file));
    expect(reading).rejects.toThrow(`line 2 of ${file} is not {"saga_id": ...}`);
  });

  test("that does not exist is named in the error", () => {
    const reading = Array.fromAsync(readJournal(join(directory, "none")));
    expect(reading).rejects.toThrow("there is no file");
  });
});
