// This product as a contestant: the whole stack from compiled binaries, as in the other benchmarks.
import { openSystem } from "../system.ts";
import { readLedger } from "../ledger.ts";
import { type Contestant, type ContestantOptions, RESTART_DELAY_MS } from "./contestant.ts";
import { standingCharges } from "./losses.ts";

export async function openProduct({
  directory,
  latency,
  opened: starting,
}: ContestantOptions): Promise<Contestant> {
  await using opening = new AsyncDisposableStack();
  const system = opening.use(
    await openSystem({ stack: undefined, directory, skus: 1, latency, opened: starting }),
  );
  const { sagas, addresses } = system;
  const { order: orders, inventory } = system.databases;
  if (orders === undefined || inventory === undefined)
    throw new Error("the stack has no order or no inventory database");
  const opened = opening.move();
  return {
    shoppers: system.shoppers,
    roles: ["orchestrator", "payment", "inventory", "order", "relay", "gateway"],
    async processes() {
      await system.refresh();
      return system.processes;
    },
    restock: (skus, count) => system.restock(skus, count),
    async killAndRestart(role) {
      await system.control("kill", role, "SIGKILL");
      await Bun.sleep(RESTART_DELAY_MS);
      await system.control("restart", role);
    },
    async open() {
      const [row] = await sagas<{ open: number }[]>`
        select count(*)::integer as open from saga_state where completed_at is null`;
      return row?.open ?? 0;
    },
    answersLast: false,
    checkoutOf: (_key, id) => id,
    async completions() {
      const rows = await sagas<{ saga_id: string; completed_at: Date }[]>`
        select saga_id, completed_at from saga_state where status = 'COMPLETED'`;
      return new Map(rows.map(({ saga_id, completed_at }) => [saga_id, completed_at.getTime()]));
    },
    async records(skus) {
      const ended = await sagas<{ saga_id: string }[]>`
        select saga_id from saga_state where completed_at is not null`;
      const ordered = await orders<{ checkout: string; units: number }[]>`
        select saga_id as checkout, (select sum((item->>'quantity')::integer)::integer from jsonb_array_elements(items) item) as units
          from orders where status <> 'CANCELLED'`;
      const [stock] = await inventory<{ taken: number }[]>`
        select coalesce(sum(stocked_count - available_count), 0)::integer as taken from inventory where sku_id = any(${[...skus]})`;
      return {
        charges: standingCharges(await readLedger(addresses.paysim), ({ saga_id }) => saga_id),
        orders: ordered,
        unitsTaken: stock?.taken ?? 0,
        ended: new Set(ended.map(({ saga_id }) => saga_id)),
      };
    },
    audit: () => system.audit(),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
