// A database is restored from a backup while checkouts run. After the steps of the runbook the auditor finds nothing.
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
  "sagas, seed %d: sagas open at the backup and sagas started since are rebuilt",
  async (seed) => {
    // given a backup, and checkouts after it
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

test("orders: lost commands are published again, and the same orders are created", async () => {
  await using simulation = await Simulation.open(3);
  await simulation.trade(CHECKOUTS_PER_WAVE, () => simulation.backup("order"));
  await simulation.restore("order");
  expect(await findingsOf(simulation)).not.toEqual([]);
  await simulation.sayAgainTo("order");
  await simulation.settle();
  expect(await findingsOf(simulation)).toEqual([]);
});

test("payments: lost provider results are looked up, and no money is kept wrongly", async () => {
  await using simulation = await Simulation.open(4);
  await simulation.trade(CHECKOUTS_PER_WAVE, () => simulation.backup("payment"));
  await simulation.restore("payment");
  await simulation.sayAgainTo("payment", async () =>
    expect((await simulation.rebuildPayments()).lost).toBeGreaterThan(0),
  );
  await simulation.settle();
  expect(await findingsOf(simulation)).toEqual([]);
});

test("stock: every reservation matches its published events again", async () => {
  await using simulation = await Simulation.open(3);
  await simulation.trade(CHECKOUTS_PER_WAVE, () => simulation.backup("inventory"));
  await simulation.restore("inventory");
  const rebuild = async () => {
    // The role was started too early: holds from the backup that were confirmed since have expired.
    await simulation.sweepStock();
    // The backup lacks deliveries: nothing changes, and the error names the missing stock.
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
