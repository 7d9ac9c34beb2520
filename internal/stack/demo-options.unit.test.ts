import { expect, test } from "bun:test";
import { DEMO_HELP, demoOptions } from "./demo-options.mjs";

test("the command line of the demo", () => {
  expect(demoOptions([])).toEqual({ kind: "run", orders: 200, keep: false });
  expect(demoOptions(["--orders", "5", "--keep"])).toEqual({ kind: "run", orders: 5, keep: true });
  expect(demoOptions(["--keep", "-h"])).toEqual({ kind: "help" });
});

test.each([
  [["--order", "5"], "'--order'"],
  [["5"], "'5'"],
  [["--orders"], "--orders"],
  [["--orders", "0"], "whole number from 1 to 100000"],
  [["--orders", "5.0"], "whole number"],
  [["--orders", "1e2"], "whole number"],
  [["--orders", "100001"], "whole number"],
])("%p is wrong, and the message names it", (args, text) => {
  expect(demoOptions(args)).toEqual({ kind: "wrong", why: expect.stringContaining(text) });
});

test("the help names the limits and the default", () => {
  expect(DEMO_HELP).toContain("--orders N   number of checkouts, 1 to 100000 (200)\n");
  expect(demoOptions(["--orders", "100000"])).toMatchObject({ orders: 100_000 });
});
