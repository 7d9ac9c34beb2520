// Whatever Kafka, Redis, the card and the clock do to a shop full of checkouts: all finish, and the auditor finds nothing.
import { expect, test } from "bun:test";
import { Simulation } from "./simulation.ts";

/** What runs side by side (the intake's groups, the executor's calls) is not seeded, so a seed is nearly, not wholly, one run. */
const SEEDS = [1, 2];
const CHECKOUTS_PER_WAVE = 15;

/** How a checkout may end here. */
const EXPLAINED = new Set([
  "COMPLETED",
  "INSUFFICIENT_STOCK",
  "PRICE_CHANGED",
  "CARD_DECLINED",
  "RESERVATION_EXPIRED",
  "RESERVATION_LOST",
  "ADDRESS_NOT_SERVED",
  "DEADLINE_EXCEEDED",
]);

test.each(SEEDS)("a simulation with faults, seed %d, finishes with nothing for the auditor", async (seed) => {
  // given
  await using simulation = await Simulation.open(seed);
  // when
  await simulation.trade(CHECKOUTS_PER_WAVE);
  await simulation.settle();
  // then
  const report = await simulation.audit();
  const findings = report.invariants.flatMap(({ name, findings: found }) =>
    found.map(({ saga_id, detail }) => `${name}: ${saga_id}: ${detail}`),
  );
  expect(findings).toEqual([]);
  expect(report.sagas.judged).toBe(3 * CHECKOUTS_PER_WAVE);
  const { ends, mails } = await simulation.ends();
  expect(mails).toBe(3 * CHECKOUTS_PER_WAVE);
  expect([...new Set(ends).difference(EXPLAINED)]).toEqual([]);
  // A run in which nothing went wrong, or nothing right, would prove nothing.
  expect(ends).toContain("COMPLETED");
  expect(new Set(ends).size).toBeGreaterThan(2);
});
