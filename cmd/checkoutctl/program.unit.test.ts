import { expect, test } from "bun:test";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { faultsOf } from "../../internal/testkit/checkoutctl.ts";
import { CLI_OUTPUTS } from "../../schemas/cli.ts";
import { program } from "./program.ts";

/** The commands that do something, by their words. */
function leavesOf(command: CommandUnknownOpts, path: readonly string[] = []): [string, CommandUnknownOpts][] {
  if (command.commands.length === 0) return [[path.join(" "), command]];
  return command.commands.flatMap((one) => leavesOf(one, [...path, one.name()]));
}

const leaves = leavesOf(program);
/** Prints a script, not data. */
const WITHOUT_JSON = ["completion"];

test("every command has --json, and schemas/cli.ts has the schema of exactly these commands", () => {
  const withJson = leaves.filter(([, { options }]) => options.some(({ long }) => long === "--json"));
  const names = withJson.map(([path]) => path);
  expect(leaves.map(([path]) => path).filter((path) => !names.includes(path))).toEqual(WITHOUT_JSON);
  expect(Object.keys(CLI_OUTPUTS).toSorted()).toEqual(names.toSorted());
});

test.each(leaves)("the help of `%s` is plain and consistent", (_, command) => {
  const summary = command.description();
  expect(summary).toMatch(/^[a-z]/);
  expect(summary).not.toMatch(/\.$/);
  for (const { description, long } of command.options) {
    expect(description, long ?? "").toMatch(/^(RFC|ISO|JSON|[a-z])/);
    expect(description, long ?? "").not.toMatch(/\.$/);
  }
});

test("an output with a missing, a wrong and an unknown field is a fault", () => {
  const good = { revoked: "session s", expires_at: "2026-11-29T12:00:00Z" };
  const revoke = ["session", "revoke"];
  expect(faultsOf(revoke, good)).toEqual([]);
  expect(faultsOf(revoke, { ...good, revoked: 1 })).toEqual(["/revoked: Expected string"]);
  expect(faultsOf(revoke, { revoked: "session s" }).join()).toContain("/expires_at");
  expect(faultsOf(revoke, { ...good, more: 1 })).toEqual(["/more: Unexpected property"]);
  expect(faultsOf(["token"], { token: "t" })).toEqual(["it: Expected union value"]);
  expect(faultsOf(["no", "such"], {})).toEqual(["schemas/cli.ts has no schema of its output"]);
});
