// Finished rows make a checkout almost no slower: its statements read as many pages as without them, except for a level or two
// more of some indexes. `bun run history` shows the same with more rows and in time.
import { expect, test } from "bun:test";
import { DATABASES } from "../../../schemas/migrations.ts";
import { statementsOfRoles } from "../plans/statements.ts";
import { PlanWatch } from "../plans/watch.ts";
import { Simulation } from "../simulation/simulation.ts";
import { fill, OUTBOX_DAYS } from "./fill.ts";
import { costsOf, trade } from "./measure.ts";

const ROWS = 20_000;
/** Allows for more index levels and different batch sizes. */
const MAX_RATIO = 1.5;
/** Pages per checkout that do not matter. */
const SLACK_PAGES = 2;
/** A walk through the outbox sometimes checks every kept day for unpublished events: the root page of an empty index each. */
const PAGES_PER_WALK = 2 * OUTBOX_DAYS;
/** How often a call walks through the outbox, by function. */
const WALKS: Readonly<Record<string, number>> = { claimEvents: 1, whatWaits: 2 };

test(`a checkout reads no more pages with ${ROWS} old rows in inbox, outbox and history`, async () => {
  const names = new Map((await statementsOfRoles()).map(({ name, text }) => [text, name]));
  const watch = new PlanWatch();
  await using simulation = await Simulation.open(1, watch.clone);
  const heard = async () => {
    watch.plans = [];
    const checkouts = await trade(simulation, 1);
    return costsOf(watch.plans, names, checkouts);
  };
  // The first run creates the cached plans.
  await heard();
  const empty = await heard();
  await Promise.all(DATABASES.map((name) => fill(simulation.databases[name].sql, name, ROWS)));
  const rows = await simulation.databases.saga.sql<
    { count: number }[]
  >`select count(*) from outbox where event_id < uuid_v7_floor(now() - interval '1 day')`;
  expect(rows[0]?.count).toBeGreaterThan(ROWS * 0.9);
  const full = await heard();
  expect(full.size).toBeGreaterThan(20);
  const grown = [...full].filter(([name, { pages, calls }]) => {
    const walks = calls * (WALKS[name.split(": ")[1] ?? ""] ?? 0);
    const before = empty.get(name)?.pages ?? 0;
    return pages > before * MAX_RATIO + SLACK_PAGES + walks * PAGES_PER_WALK;
  });
  expect(grown.map(([name, { pages }]) => `${name}: ${pages} instead of ${empty.get(name)?.pages}`)).toEqual(
    [],
  );
});
