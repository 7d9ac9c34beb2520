// `bun run bench holding`: what it costs per order to have the money held before it is taken (table 2 of the saga): one provider call and
// two messages more.
import type { TwoSides } from "./two-sides.ts";

export const HOLDING: TwoSides = {
  name: "holding",
  about:
    "Runs the scenario with cards that are charged at once, and with cards whose money is held first, in turn.",
  without: { name: "charged at once", up: [] },
  with: { name: "held first", up: ["--set", "orchestrator.AUTHORIZE_FIRST=stripe"] },
};
