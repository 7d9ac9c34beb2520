// A shop whose database is restored from a backup in the middle of its day. What the runbook says to do is done, and at the end
// the auditor finds nothing.
import { expect, test } from "bun:test";
import { Simulation } from "./simulation.ts";

const CHECKOUTS_PER_WAVE = 15;

async function findingsOf(simulation: Simulation): Promise<readonly string[]> {
  const report = await simulation.audit();
  return report.invariants.flatMap(({ name, findings: found }) =>
    found.map(({ saga_id, detail }) => `${name}: ${saga_id}: ${detail}`),
  );
}

test.each([2])(
  "sagas, seed %d: those under way then and those begun since are led to where they stood",
  async (seed) => {
    // given a backup, and half a day of business after it
    await using simulation = await Simulation.open(seed);
    await simulation.trade(CHECKOUTS_PER_WAVE, () => simulation.backup("saga"));
    // when
    await simulation.restore("saga");
    const report = await simulation.rebuildSagas();
    await simulation.settle();
    // then
    expect(await findingsOf(simulation)).toEqual([]);
    const { ends, mails } = await simulation.ends();
    expect([ends.length, mails]).toEqual([3 * CHECKOUTS_PER_WAVE, 3 * CHECKOUTS_PER_WAVE]);
    expect(report.not_rebuilt).toEqual([]);
    expect(report.sagas.filter(({ from }) => from === null).length).toBeGreaterThanOrEqual(
      CHECKOUTS_PER_WAVE,
    );
    expect(report.sagas.some(({ to }) => to === "COMPLETED")).toBe(true);
    // A second run has nothing to do.
    expect(await simulation.rebuildSagas()).toMatchObject({ lost_messages: 0, sagas: [] });
  },
);

test("orders: what the database has lost is said to it again, and it makes the same", async () => {
  await using simulation = await Simulation.open(3);
  await simulation.trade(CHECKOUTS_PER_WAVE, () => simulation.backup("order"));
  await simulation.restore("order");
  expect(await findingsOf(simulation)).not.toEqual([]);
  await simulation.sayAgainTo("order");
  await simulation.settle();
  expect(await findingsOf(simulation)).toEqual([]);
});

test("payments: what was asked of the provider is found out, and no money stays where it does not belong", async () => {
  await using simulation = await Simulation.open(4);
  await simulation.trade(CHECKOUTS_PER_WAVE, () => simulation.backup("payment"));
  await simulation.restore("payment");
  await simulation.sayAgainTo("payment", async () =>
    expect((await simulation.rebuildPayments()).lost).toBeGreaterThan(0),
  );
  await simulation.settle();
  expect(await findingsOf(simulation)).toEqual([]);
});

test("stock: every reservation is again what its checkout was told", async () => {
  await using simulation = await Simulation.open(3);
  await simulation.trade(CHECKOUTS_PER_WAVE, () => simulation.backup("inventory"));
  await simulation.restore("inventory");
  const rebuild = async () => {
    // Somebody has started the role too early: what was held at the backup, and is confirmed since, has expired.
    await simulation.sweepStock();
    // Deliveries that the backup does not know: nothing is changed, and what is missing is named.
    const { sql } = simulation.databases.inventory;
    await sql`update inventory set stocked_count = stocked_count - 500, available_count = 0 where sku_id = 'pot'`;
    expect(await simulation.rebuildStock().catch(String)).toContain("of pot: load the deliveries");
    await sql`update inventory set stocked_count = stocked_count + 500 where sku_id = 'pot'`;
    expect((await simulation.rebuildStock()).lost).toBeGreaterThan(0);
  };
  await simulation.sayAgainTo("inventory", rebuild);
  await simulation.settle();
  expect(await findingsOf(simulation)).toEqual([]);
});
