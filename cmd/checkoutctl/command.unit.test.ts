// Options whose help says more than their value.
import { expect, test } from "bun:test";
import { Command } from "@commander-js/extra-typings";
import { durationOption, operatorCommand, statusOption } from "./command.ts";

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
  const command = new Command()
    .addOption(durationOption("--wait <duration>", "", "15m"))
    .addOption(statusOption(["SHIPPED", "DELIVERED"], ""))
    .exitOverride();
  expect(command.parse(["--status", "shipped"], { from: "user" }).opts()).toMatchObject({
    wait: 900,
    status: "SHIPPED",
  });
  command.configureOutput({ writeErr: () => undefined });
  expect(() => command.parse(["--status", "sent"], { from: "user" })).toThrow("SHIPPED, DELIVERED");
});
