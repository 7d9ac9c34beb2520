// The ledger on disk: whole lines come back, a torn one goes, a damaged one stops everything.
import { afterEach, beforeEach, expect, test } from "bun:test";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ProviderLedgerEntry } from "../../schemas/provider-ledger.ts";
import { LedgerFile } from "./ledger-file.ts";

/** More than two of the chunks the file is read in, so that lines straddle their edges. */
const MANY_ENTRIES = 6_000;

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

function open(): { file: LedgerFile; read: ProviderLedgerEntry[] } {
  const read: ProviderLedgerEntry[] = [];
  return { file: LedgerFile.open(path, (entry) => read.push(entry)), read };
}

test("what was flushed comes back, in order and byte for byte", async () => {
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

test("a line that was never finished is cut off, and the next one starts clean", async () => {
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

test("a whole line that is no entry is refused with its place", async () => {
  const first = open();
  first.file.append(charge(1));
  await first.file.close();
  const good = readFileSync(path, "utf8");
  writeFileSync(path, `${good}{"seq":2}\n`);
  expect(() => open()).toThrow(`byte ${Buffer.byteLength(good)} does not start a ledger entry`);
  writeFileSync(path, `garbage\n${good}`);
  expect(() => open()).toThrow("byte 0 does not start a line of JSON");
});
