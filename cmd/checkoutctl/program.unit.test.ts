import { expect, test } from "bun:test";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { faultsOf } from "../../internal/testkit/checkoutctl.ts";
import { CLI_OUTPUTS } from "../../schemas/cli.ts";
import { programFor, wholeProgram } from "./program.ts";

/** The commands that do something, by their words. */
function leavesOf(command: CommandUnknownOpts, path: readonly string[] = []): [string, CommandUnknownOpts][] {
  if (command.commands.length === 0) return [[path.join(" "), command]];
  return command.commands.flatMap((one) => leavesOf(one, [...path, one.name()]));
}

const whole = await wholeProgram();
const leaves = leavesOf(whole);
const namesOf = (program: CommandUnknownOpts) => program.commands.map((command) => command.name());
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

test("a start loads the command of its first word alone, and every command where all may be listed", async () => {
  for (const name of namesOf(whole).filter((one) => one !== "completion"))
    expect(namesOf(await programFor([name, "--help"]))).toEqual([name]);
  for (const args of [["--version"], ["-V"]]) expect(namesOf(await programFor(args))).toEqual([]);
  for (const args of [[], ["--help"], ["help", "saga"], ["completion", "bash"], ["sagas"], ["toString"]])
    expect(namesOf(await programFor(args)), args.join(" ")).toEqual(namesOf(whole));
});

test("no command loads the clients of Redis and of the providers, nor Kafka's, nor compiles a schema, before it needs them", () => {
  const loads = (args: string) => `
    const { TypeCompiler } = await import("@sinclair/typebox/compiler");
    TypeCompiler.Compile = () => { throw new Error("a schema is compiled at the start: see late-check.ts"); };
    const { programFor } = await import("./program.ts");
    await programFor(${args});
    console.log(Object.keys(require.cache).join("\\n"));`;
  const loaded = (args: string) => {
    const child = Bun.spawnSync([process.execPath, "-e", loads(args)], { cwd: import.meta.dir });
    expect(String(child.stderr)).toBe("");
    return String(child.stdout);
  };
  const all = loaded("[]");
  expect(all).toContain("/node_modules/postgres/");
  expect(all).not.toMatch(/\/node_modules\/(@?redis|stripe|@confluentinc)\/|\/providers\/paypal\/|\.node$/m);
  expect(loaded('["--version"]')).not.toMatch(/\/node_modules\/(jose|csv-parse|cli-progress)\/|\/commands\//);
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
