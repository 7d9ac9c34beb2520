// `bun run bench encryption`: what encryption and least privilege cost per order.
import type { TwoSides } from "./two-sides.ts";

export const ENCRYPTION: TwoSides = {
  name: "encryption",
  about:
    "Runs the scenario with open connections, and with encrypted ones and an account for each role (stack up --secure), in turn.",
  without: { name: "open", up: [] },
  with: { name: "encrypted", up: ["--secure"] },
  check: (side, runs) => {
    if (side === "open" && runs.some((run) => run.options["secure"] === true))
      throw new Error("the open side was encrypted, too: unset CHECKOUT_SECURE");
  },
};
