import { expect, test } from "bun:test";
import { objectionToActing } from "./actor.ts";

test("only an operator acts; everybody else is told what it needs", () => {
  for (const role of ["viewer", "reader", "service"] as const)
    expect(objectionToActing({ name: "eve", role })).toBe(
      `eve has the role ${role}; this needs the role operator`,
    );
  expect(objectionToActing({ name: "ada", role: "operator" })).toBeNull();
});
