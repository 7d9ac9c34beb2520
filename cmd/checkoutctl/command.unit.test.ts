// Options whose help says more than their value.
import { expect, test } from "bun:test";
import { Command } from "@commander-js/extra-typings";
import { command, durationOption, operatorCommand, statusOption } from "./command.ts";

test("the help marks what is required, and shows durations with their unit", () => {
  const help = operatorCommand("x", "")
    .addOption(durationOption("--wait <duration>", "how long", "8h"))
    .configureOutput({ getOutHelpWidth: () => 200 })
    .helpInformation();
  expect(help).toContain("why, for the audit trail (required)");
  expect(help).toContain("how long (default: 8h)");
  expect(help).not.toMatch(/who.*required/);
});

test("a duration's default is its seconds, and a status may be in lower case", () => {
  const parser = new Command()
    .addOption(durationOption("--wait <duration>", "", "15m"))
    .addOption(statusOption(["SHIPPED", "DELIVERED"], ""))
    .exitOverride();
  expect(parser.parse(["--status", "shipped"], { from: "user" }).opts()).toMatchObject({
    wait: 900,
    status: "SHIPPED",
  });
  parser.configureOutput({ writeErr: () => undefined });
  expect(() => parser.parse(["--status", "sent"], { from: "user" })).toThrow("SHIPPED, DELIVERED");
});

test.each([
  [["--stack", "0199"], "--stack has taken 0199 as its directory: write it after the arguments\n"],
  [["--stack"], ""],
])("%p lacks an argument, and the error says what --stack has to do with it", (args, hint) => {
  const told: string[] = [];
  const show = command("show", "").argument("<id>");
  show.configureOutput({ writeErr: (text) => told.push(text) });
  expect(() => show.parse(args, { from: "user" })).toThrow("missing required argument");
  expect(told.join("")).toBe(`error: missing required argument 'id'\n${hint}`);
});
