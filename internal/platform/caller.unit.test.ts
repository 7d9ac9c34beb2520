import { expect, test } from "bun:test";
import { callerNames } from "./caller.ts";

test("a caller is the person behind sudo, then the user of the process", () => {
  expect(callerNames({ SUDO_USER: "ada", USER: "root" }, 0)).toEqual(["ada", "root", "uid 0"]);
  expect(callerNames({}, 0)).toEqual(["root", "uid 0"]);
});

test("a user without a name is a number", () => {
  expect(callerNames({}, 4_000_000_001)).toEqual(["uid 4000000001"]);
});

test("nobody but root names somebody else by a variable", () => {
  expect(callerNames({ SUDO_USER: "bob", USER: "bob" }, 4_000_000_001)).toEqual(["uid 4000000001"]);
  expect(callerNames({ USER: "bob" }, 0)).not.toContain("bob");
});
