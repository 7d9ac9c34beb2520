import { expect, test } from "bun:test";
import type { Verdict } from "../../schemas/doctor.ts";
import { reportOf } from "./doctor.ts";

const about = { now: 0, version: "1.0.0" };
const finding = (verdict: Verdict) => ({ check: "postgres", subject: "saga", verdict, says: "", todo: null });

test.each([
  [["ok", "warning", "not checked"], true],
  [["ok", "problem"], false],
  [["not checked", "not checked"], false],
] as const)("a report of %p is ok: %p", (verdicts, ok) => {
  expect(reportOf(verdicts.map(finding), about).ok).toBe(ok);
});
