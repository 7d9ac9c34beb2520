// The ledger on disk: complete lines are read back, an incomplete last line is cut off, a damaged line is an error.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { ProviderLedgerEntry } from "../../schemas/provider-ledger.ts";
import { LedgerFile } from "./ledger-file.ts";

/** More than two read chunks, so that lines cross their borders. */
const MANY_ENTRIES = 6_000;
const schema = TypeCompiler.Compile(ProviderLedgerEntry);

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "paysim-ledger-"));
  path = join(folder, "below", "ledger.jsonl");
});
afterEach(() => rmSync(folder, { recursive: true }));

function charge(seq: number): ProviderLedgerEntry {
  return {
    seq,
    at_ms: seq,
    kind: "charge",
    payment_intent: `pi_${seq}`,
    saga_id: "größer als ASCII",
    idempotency_key: `key ${seq}`,
    fingerprint: "same",
    reply_lost: false,
    error: null,
    amount_cents: seq,
    currency: "EUR",
    payment_method: "pm_card_visa",
    description: "x".repeat(seq % 400),
    metadata: {},
  };
}

function open(): { file: LedgerFile<ProviderLedgerEntry>; read: ProviderLedgerEntry[] } {
  const read: ProviderLedgerEntry[] = [];
  return { file: LedgerFile.open(path, schema, (entry) => read.push(entry)), read };
}

test("flushed entries are read back, in order and byte for byte", async () => {
  const entries = Array.from({ length: MANY_ENTRIES }, (_, index) => charge(index + 1));
  const { file } = open();
  for (const entry of entries) file.append(entry);
  expect(readFileSync(path, "utf8")).toBe("");
  await file.flushed();
  expect(file.bytes).toBe(readFileSync(path).length);
  await file.close();
  const again = open();
  expect(again.read).toEqual(entries);
  expect(again.file.bytes).toBe(file.bytes);
  await again.file.close();
});

test("an incomplete last line is cut off, and the next one starts clean", async () => {
  const first = open();
  first.file.append(charge(1));
  await first.file.close();
  appendFileSync(path, JSON.stringify(charge(2)).slice(0, 60));
  const second = open();
  expect(second.read).toEqual([charge(1)]);
  second.file.append(charge(2));
  await second.file.close();
  const third = open();
  expect(third.read).toEqual([charge(1), charge(2)]);
  await third.file.close();
});

test("a complete line that is no entry is rejected with its position", async () => {
  const first = open();
  first.file.append(charge(1));
  await first.file.close();
  const good = readFileSync(path, "utf8");
  writeFileSync(path, `${good}{"seq":2}\n`);
  expect(() => open()).toThrow(`the line at byte ${Buffer.byteLength(good)} is not a ledger entry`);
  writeFileSync(path, `garbage\n${good}`);
  expect(() => open()).toThrow("the line at byte 0 is not JSON");
});
