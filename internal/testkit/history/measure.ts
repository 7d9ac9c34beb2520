// Measures what a checkout costs its four databases, by statement. The real handlers, relays and sweepers run in one process, and
// Postgres reports the actual plan of each statement. Called by main.ts and history.int.test.ts.
import type { HeardPlan } from "../plans/watch.ts";
import type { Simulation } from "../simulation/simulation.ts";

const CHECKOUTS_AT_ONCE = 100;

/** Cost per checkout, of one statement or of all. */
export interface Cost {
  readonly calls: number;
  /** Pages read, from the server's memory or not. */
  readonly pages: number;
  readonly ms: number;
}
export const NOTHING: Cost = { calls: 0, pages: 0, ms: 0 };

/** Runs checkouts until nothing is left but timers. Returns the number of checkouts. */
export async function trade(simulation: Simulation, waves: number): Promise<number> {
  simulation.broker.isCalm = true;
  // Each wave pays for its own checkouts only.
  simulation.mayBePresent = false;
  // Never out of stock, so that the last checkouts take the same path as the first.
  await simulation.databases.inventory
    .sql`update inventory set available_count = stocked_count + 100000, stocked_count = stocked_count + 100000`;
  for (let wave = 0; wave < waves; wave += 1) {
    await simulation.wave(CHECKOUTS_AT_ONCE, 0);
    await simulation.drain();
  }
  return waves * CHECKOUTS_AT_ONCE;
}

/** Costs by statement name; `names` maps texts to names. Other statements, such as `begin`, are left out. */
export function costsOf(
  plans: readonly HeardPlan[],
  names: ReadonlyMap<string, string>,
  checkouts: number,
): ReadonlyMap<string, Cost> {
  const costs = new Map<string, Cost>();
  for (const { text, plan, ms } of plans) {
    const name = names.get(text);
    if (name === undefined) continue;
    const before = costs.get(name) ?? NOTHING;
    const pages = (plan["Shared Hit Blocks"] ?? 0) + (plan["Shared Read Blocks"] ?? 0);
    costs.set(name, {
      calls: before.calls + 1 / checkouts,
      pages: before.pages + pages / checkouts,
      ms: before.ms + ms / checkouts,
    });
  }
  return costs;
}

export function sumOf(costs: ReadonlyMap<string, Cost>): Cost {
  return [...costs.values()].reduce(
    (sum, { calls, pages, ms }) => ({
      calls: sum.calls + calls,
      pages: sum.pages + pages,
      ms: sum.ms + ms,
    }),
    NOTHING,
  );
}
