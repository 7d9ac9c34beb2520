// A standby that lacks the last moments is promoted while checkouts run: the auditor names what was lost, and after `checkoutctl repair` it
// finds nothing. What a standby lacks is the end of its primary's log, so an earlier copy of all rows stands for it.
import { expect, test } from "bun:test";
import type { DatabaseName } from "../../../schemas/migrations.ts";
import { Simulation } from "./simulation.ts";

const CHECKOUTS_PER_WAVE = 15;

/** Everybody has taken all that was sent to them; what waits for a time still waits. */
async function drain(simulation: Simulation): Promise<void> {
  simulation.broker.isCalm = true;
  await simulation.drain();
}

async function findingsOf(simulation: Simulation): Promise<readonly string[]> {
  const report = await simulation.audit();
  return report.invariants.flatMap(({ name, findings: found }) =>
    found.map(({ saga_id, detail }) => `${name}: ${saga_id}: ${detail}`),
  );
}

test.each([
  ["saga", 2],
  ["inventory", 3],
  ["payment", 4],
  ["order", 5],
] as const)(
  "%s: everything is found and repaired, and a second repair has nothing to do",
  async (database, seed) => {
    await using simulation = await Simulation.open(seed);
    await simulation.trade(CHECKOUTS_PER_WAVE, () => simulation.backup(database));
    await simulation.restore(database);
    expect(await findingsOf(simulation)).not.toEqual([]);
    // when
    const { planned, done } = await simulation.repair();
    await simulation.settle();
    // then
    // Others may only get again what they have not read yet.
    const behind = planned.filter(({ lost }) => lost.length > 0);
    expect(behind).toMatchObject([{ database, resumes: false }]);
    expect(done.flatMap(({ not_repaired }) => not_repaired)).toEqual([]);
    expect(await findingsOf(simulation)).toEqual([]);
    expect((await simulation.repair()).planned).toEqual([]);
    const trail = await simulation.databases.saga.sql`
    select subject, outcome from operator_actions where action = 'database.repair'`;
    expect([...trail]).toContainEqual({ subject: database, outcome: "repaired" });
    expect(trail).toHaveLength(planned.length);
  },
);

/** A shop of which one database forgot everything since its opening, and which nobody repaired before the deadlines passed. */
async function repairedLate(database: DatabaseName, seed: number): Promise<Simulation> {
  const simulation = await Simulation.open(seed);
  simulation.mayBePresent = false;
  await simulation.backup(database);
  await simulation.wave(CHECKOUTS_PER_WAVE);
  await simulation.restore(database);
  await simulation.settle();
  return simulation;
}

test("payment: charges that were forgotten and then cancelled as never requested are refunded, or released", async () => {
  const undone = { "undone-costs-nothing": 0, "nothing-stays-held": 0 };
  for (const seed of [6, 7, 8]) {
    await using simulation = await repairedLate("payment", seed);
    const findings = await findingsOf(simulation);
    const named = (name: string) => findings.filter((text) => text.startsWith(name));
    const kept = [...named("undone-costs-nothing"), ...named("nothing-stays-held")];
    const { done } = await simulation.repair();
    await simulation.settle();
    expect(done.flatMap(({ reopened }) => reopened?.reopened ?? [])).toHaveLength(kept.length);
    expect(await findingsOf(simulation)).toEqual([]);
    undone["undone-costs-nothing"] += named("undone-costs-nothing").length;
    undone["nothing-stays-held"] += named("nothing-stays-held").length;
  }
  expect(Math.min(...Object.values(undone))).toBeGreaterThan(0);
});

test("inventory: reservations that were forgotten and then released are recreated as released", async () => {
  let forgotten = 0;
  for (const seed of [6, 7, 8]) {
    await using simulation = await repairedLate("inventory", seed);
    // A release of what was forgotten left a tombstone, which is not what the event names that comes back.
    const tombstones = await simulation.databases.inventory
      .sql`select from reservations where sku_id is null`;
    const { done } = await simulation.repair();
    await simulation.settle();
    expect(done.flatMap(({ not_repaired }) => not_repaired)).toEqual([]);
    expect(await findingsOf(simulation)).toEqual([]);
    forgotten += tombstones.length;
  }
  expect(forgotten).toBeGreaterThan(0);
});

test("inventory: a confirm that comes again after its reservation was forgotten gets no second outcome", async () => {
  await using simulation = await Simulation.open(6);
  const { saga, inventory } = simulation.databases;
  simulation.mayBePresent = false;
  await simulation.backup("inventory");
  await simulation.wave(CHECKOUTS_PER_WAVE);
  const sagasOf = async (type: string) =>
    new Set(
      (
        await inventory.sql<{ saga_id: string }[]>`
          select partition_key as saga_id from outbox where headers ->> 'type' = ${type} and published`
      ).map(({ saga_id }) => saga_id),
    );
  const confirmed = await sagasOf("ReservationConfirmed");
  await simulation.restore("inventory");
  // when Kafka delivers again what was taken in the last moments, because its offsets were not committed
  await saga.sql`
    update outbox set published = false, published_at = null where published and headers ->> 'type' = 'ConfirmReservation'`;
  await simulation.settle();
  // then
  expect(confirmed.intersection(await sagasOf("CommandRefused")).size).toBeGreaterThan(0);
  const { done } = await simulation.repair();
  await simulation.settle();
  expect(done.flatMap(({ not_repaired }) => not_repaired)).toEqual([]);
  expect(await findingsOf(simulation)).toEqual([]);
});

test("a repair that was interrupted after the outbox was written back is finished by the next one", async () => {
  await using simulation = await Simulation.open(8);
  await simulation.wave(CHECKOUTS_PER_WAVE);
  await simulation.settle();
  const [shipped] = await simulation.completed();
  if (shipped === undefined) throw new Error("no order");
  await simulation.backup("order");
  await simulation.shipOrder(shipped.order_id, { tracking: { carrier: "DHL", number: "JD0" } });
  await simulation.settle();
  await simulation.restore("order");
  // when
  expect(await simulation.repair({ isInterrupted: true }).catch(String)).toContain("interrupted");
  // then the event is not missing any more, and the parcel could be sent again
  const stands = () =>
    simulation.databases.order.sql`select status from orders where order_id = ${shipped.order_id}`;
  expect([...(await stands())]).toEqual([{ status: "CONFIRMED" }]);
  const { planned, done } = await simulation.repair();
  expect(planned).toMatchObject([{ database: "order", resumes: true, lost: [] }]);
  expect(done.flatMap(({ orders }) => orders?.orders ?? [])).toMatchObject([
    { from: "CONFIRMED", to: "SHIPPED" },
  ]);
  expect([...(await stands())]).toEqual([{ status: "SHIPPED" }]);
  expect((await simulation.repair()).planned).toEqual([]);
});

test("saga: a cancellation of an order that was lost is finished", async () => {
  await using simulation = await Simulation.open(8);
  await simulation.wave(CHECKOUTS_PER_WAVE);
  await simulation.settle();
  const bought = await simulation.loseCancellation();
  expect(await findingsOf(simulation)).not.toEqual([]);
  // when
  const { done } = await simulation.repair();
  await simulation.settle();
  // then
  expect(done.flatMap(({ cancellations }) => cancellations?.rebuilt ?? [])).toEqual([
    { saga_id: bought.saga_id, step: "release" },
  ]);
  expect(await findingsOf(simulation)).toEqual([]);
});

test("inventory: while more is reserved than there is, a person decides, and nothing is decided anew", async () => {
  await using simulation = await Simulation.open(9);
  await simulation.trade(CHECKOUTS_PER_WAVE, () => simulation.backup("inventory"));
  // A pot, which is then more than there is.
  await simulation.sell(1);
  await drain(simulation);
  await simulation.restore("inventory");
  const { sql } = simulation.databases.inventory;
  await sql`update inventory set stocked_count = stocked_count - 500, available_count = 0 where sku_id = 'pot'`;
  const { done } = await simulation.repair();
  expect(done).toMatchObject([{ unfinished: true, delivered_again: 0 }]);
  expect(done[0]?.not_repaired.join()).toContain("of pot");
  // when somebody has loaded what was delivered
  await sql`update inventory set stocked_count = stocked_count + 500 where sku_id = 'pot'`;
  const again = await simulation.repair();
  await simulation.settle();
  // then
  expect(again.planned).toMatchObject([{ database: "inventory", resumes: true }]);
  expect(again.done).toMatchObject([{ unfinished: false, not_repaired: [] }]);
  expect(await findingsOf(simulation)).toEqual([]);
});
