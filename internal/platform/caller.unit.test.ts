import { expect, test } from "bun:test";
import { callerNames } from "./caller.ts";

test("a caller is the person behind sudo, then the login, then the user of the process", () => {
  expect(callerNames({ SUDO_USER: "ada", USER: "root" }, 0)).toEqual(["ada", "root", "root", "uid 0"]);
  expect(callerNames({ USER: "ada" }, 0)[0]).toBe("ada");
  expect(callerNames({}, 0)).toEqual(["root", "uid 0"]);
});

test("a user without a name is a number", () => {
  expect(callerNames({}, 4_000_000_001)).toEqual(["uid 4000000001"]);
});
