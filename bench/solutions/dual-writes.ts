// The orchestrator with dual writes as a contestant: four processes, each with a database, and Kafka.
import postgres from "postgres";
import { BaselineStack, insertProducts } from "./baseline-stack.ts";
import { readLedger } from "../ledger.ts";
import { type Contestant, type ContestantOptions, STOCK } from "./contestant.ts";
import { standingCharges } from "./losses.ts";

const DATABASES = {
  orchestrator: "saga",
  inventory: "inventory",
  payment: "payment",
  order: "order",
} as const;

export async function openDualWrites(options: ContestantOptions): Promise<Contestant> {
  await using opening = new AsyncDisposableStack();
  const used = new Set(Object.values(DATABASES).map((name) => `postgres-${name}`));
  const stack = opening.use(
    await BaselineStack.start(options, (server) => used.has(server) || server.startsWith("kafka")),
  );
  const { addresses } = stack;
  for (const [role, database] of Object.entries(DATABASES)) {
    await stack.startRole(role, [
      "--database",
      addresses.postgres[database] ?? "",
      "--brokers",
      addresses.kafka_brokers,
      ...(role === "orchestrator" ? ["--port", new URL(addresses.gateway).port] : []),
      ...(role === "payment" ? ["--provider", addresses.paysim] : []),
      ...(role === "payment" && !options.withKeys ? ["--no-provider-keys"] : []),
    ]);
  }
  const open = (name: string) => {
    const sql = postgres(addresses.postgres[name] ?? "", { max: 1, onnotice: () => {} });
    opening.defer(() => sql.end());
    return sql;
  };
  const [sagas, inventory, order] = [open("saga"), open("inventory"), open("order")];
  const opened = opening.move();
  return {
    shoppers: stack.shoppers,
    roles: ["orchestrator", "payment", "inventory", "order"],
    processes: () => Promise.resolve(stack.processes),
    restock: (skus, count) => insertProducts(inventory, skus, count),
    killAndRestart: (role) => stack.killAndRestart(role),
    async open() {
      const [row] = await sagas<{ open: number }[]>`
        select count(*)::integer as open from sagas where completed_at is null`;
      return row?.open ?? 0;
    },
    answersLast: false,
    checkoutOf: (_key, id) => id,
    async completions() {
      const rows = await sagas<{ saga_id: string; completed_at: Date }[]>`
        select saga_id, completed_at from sagas where status = 'COMPLETED'`;
      return new Map(rows.map(({ saga_id, completed_at }) => [saga_id, completed_at.getTime()]));
    },
    async records(skus) {
      const ended = await sagas<{ saga_id: string }[]>`
        select saga_id from sagas where completed_at is not null`;
      const orders = await order<{ checkout: string; units: number }[]>`
        select saga_id as checkout, (select sum((item->>'quantity')::integer)::integer from jsonb_array_elements(items) item) as units
          from orders`;
      const [stock] = await inventory<{ left: number }[]>`
        select coalesce(sum(available), 0)::float8 as left from products where sku_id = any(${[...skus]})`;
      return {
        charges: standingCharges(await readLedger(addresses.paysim), ({ saga_id }) => saga_id),
        orders,
        unitsTaken: skus.length * STOCK - (stock?.left ?? 0),
        ended: new Set(ended.map(({ saga_id }) => saga_id)),
      };
    },
    audit: () => Promise.resolve(null),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
