import { afterEach, expect, spyOn, test } from "bun:test";
import { Type } from "@sinclair/typebox";
import { TypeCompiler } from "@sinclair/typebox/compiler";
import { LateCheck } from "./late-check.ts";

const compile = spyOn(TypeCompiler, "Compile");
afterEach(() => compile.mockRestore());

test("a schema is compiled once, at the first check or question for errors", () => {
  const check = new LateCheck(Type.Object({ id: Type.String() }));
  expect(compile).toHaveBeenCalledTimes(0);
  expect(check.Check({ id: "a" })).toBe(true);
  expect(check.Check({ id: 1 })).toBe(false);
  expect(check.Errors({ id: 1 }).First()?.path).toBe("/id");
  expect(compile).toHaveBeenCalledTimes(1);
});
