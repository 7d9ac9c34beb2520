// Checks the lists: every edit still fits the source, every trap has its mutant, and a crash does not count as caught.
import { describe, expect, test } from "bun:test";
import { REPOSITORY } from "../../stack/paths.ts";
import { edited } from "./mutant.ts";
import { MUTANTS } from "./mutants.ts";
import { mutantOf, TRAPS } from "./traps.ts";
import { verdictOf } from "./trial.ts";

test.each(MUTANTS.map((mutant) => [mutant.id, mutant] as const))(
  "%s fits the source",
  async (_, { edits }) => {
    const sources = new Map<string, string>();
    for (const edit of edits) {
      const before = sources.get(edit.file) ?? (await Bun.file(`${REPOSITORY}/${edit.file}`).text());
      const after = edited(before, edit);
      expect(after).not.toBe(before);
      sources.set(edit.file, after);
    }
    for (const source of sources.values()) new Bun.Transpiler({ loader: "ts" }).transformSync(source);
  },
);

test("an edit that does not fit throws", () => {
  const edit = { file: "a.ts", find: "x", replace: "y" };
  expect(edited("axb", edit)).toBe("ayb");
  expect(edited("a$b", { ...edit, find: "$", replace: "$&" })).toBe("a$&b");
  for (const source of ["abc", "axbx"]) expect(() => edited(source, edit)).toThrow("instead of once");
});

test("there are at least 36 mutants with unique ids", () => {
  expect(MUTANTS.length).toBeGreaterThanOrEqual(36);
  expect(new Set(MUTANTS.map(({ id }) => id)).size).toBe(MUTANTS.length);
});

test("there are twenty traps, each with its own mutant", () => {
  expect(TRAPS.length).toBe(20);
  expect(new Set(TRAPS.map((trap) => mutantOf(trap))).size).toBe(TRAPS.length);
});

describe("a result", () => {
  const failing = (type: string, name = "sells") =>
    `<testsuites><testcase name="${name}" classname="a &gt; b" file="a.test.ts"><failure type="${type}" message="&gt;&#10;no&#10;"></failure></testcase></testsuites>`;
  const passing =
    '<testsuites><testcase name="sells" classname="" file="a.test.ts" assertions="1" /></testsuites>';

  test("is a failure if an assertion failed or a wait timed out", () => {
    for (const type of ["AssertionError", "Error", "TimeoutError"]) {
      expect(verdictOf(failing(type), 1, "")).toEqual({
        kind: "failed",
        test: { file: "a.test.ts", name: "a b sells", error: type, message: ">\nno" },
      });
    }
  });

  test("is broken if the code crashed, did not load, or the test does not exist", () => {
    for (const type of ["SyntaxError", "ReferenceError", "TypeError"])
      expect(verdictOf(failing(type), 1, "").kind).toBe("broken");
    expect(verdictOf(failing("Error", "(unnamed)"), 1, "").kind).toBe("broken");
    expect(verdictOf("", 1, "SyntaxError: Export named 'a' not found")).toMatchObject({
      kind: "broken",
      reason: expect.stringContaining("Export named"),
    });
    const late =
      "a.test.ts:\n(pass) b\n\n# Unhandled error between tests\n-----\nRangeError: lost\n-----\n\n 1 pass\n 1 error";
    expect(verdictOf(passing, 1, late)).toEqual({
      kind: "broken",
      reason: "exit code 1: between tests of a.test.ts: RangeError: lost",
    });
    expect(verdictOf(passing, 1, "1 error").kind).toBe("broken");
  });

  test("is a pass if all tests passed", () => {
    const sells = { file: "a.test.ts", name: "sells", error: null, message: null };
    expect(verdictOf(passing, 0, "")).toEqual({ kind: "passed", tests: [sells] });
  });
});
