import { expect, test } from "bun:test";
import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { databaseFaultsIn, faultsIn, LogTail } from "./logs.ts";

test("errors, unknown messages and what is no log line are faults; all else is not", () => {
  const lines = [
    { level: "info", msg: "checkout-order is ready" },
    { level: "warn", msg: "Redis does not answer yet" },
    { level: "error", msg: "a batch failed", err: { message: "no such column" } },
    { level: "warn", msg: "a message was put aside", code: "UNKNOWN_TYPE" },
  ];
  const text = [...lines.map((line) => JSON.stringify(line)), "panic: out of memory", ""].join("\n");
  expect(faultsIn(text)).toEqual([
    "error: a batch failed (no such column)",
    "warn: a message was put aside",
    "panic: out of memory",
  ]);
});

test("a statement that does not fit the schema is a fault; a lost race is not", () => {
  const fault =
    "2026-11-30 01:24:48.740 UTC [5022] checkout-order ERROR:  cached plan must not change result type";
  const race =
    "2026-11-30 01:24:48.740 UTC [5022] checkout-order ERROR:  duplicate key value violates unique constraint";
  const other = "2026-11-30 01:24:48.740 UTC [5022] LOG:  a table does not exist";
  expect(databaseFaultsIn([fault, race, other].join("\n"))).toEqual([fault]);
});

test("a log is read once, in whole lines", () => {
  const folder = mkdtempSync(join(tmpdir(), "log-tail-"));
  try {
    const file = join(folder, "order-1.old.log");
    const tail = new LogTail();
    expect(tail.read(file)).toBe("");
    appendFileSync(file, "one\ntw");
    expect(tail.read(file)).toBe("one\n");
    appendFileSync(file, "o\nthree\n");
    expect(tail.read(file)).toBe("two\nthree\n");
    expect(tail.read(file)).toBe("");
  } finally {
    rmSync(folder, { recursive: true });
  }
});
