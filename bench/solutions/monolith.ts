// The naive monolith as a contestant. A checkout is named by its Idempotency-Key, because an order has no id before it exists.
import postgres from "postgres";
import { BaselineStack, insertProducts } from "./baseline-stack.ts";
import { readLedger } from "../ledger.ts";
import { type Contestant, type ContestantOptions, STOCK } from "./contestant.ts";
import { standingCharges } from "./losses.ts";

const ROLE = "monolith";
/** Which of the stack's Postgres instances it uses. */
const DATABASE = "order";

export async function openMonolith(options: ContestantOptions): Promise<Contestant> {
  await using opening = new AsyncDisposableStack();
  const stack = opening.use(
    await BaselineStack.start(options, (server) => server === `postgres-${DATABASE}`),
  );
  const { addresses } = stack;
  const database = addresses.postgres[DATABASE] ?? "";
  await stack.startRole(ROLE, [
    "--database",
    database,
    "--provider",
    addresses.paysim,
    "--port",
    new URL(addresses.gateway).port,
    ...(options.withKeys ? [] : ["--no-provider-keys"]),
  ]);
  const sql = postgres(database, { max: 1, onnotice: () => {} });
  opening.defer(() => sql.end());
  const opened = opening.move();
  return {
    shoppers: stack.shoppers,
    roles: [ROLE],
    processes: () => Promise.resolve(stack.processes),
    restock: (skus, count) => insertProducts(sql, skus, count),
    killAndRestart: (role) => stack.killAndRestart(role),
    // Open transactions; they continue even if the shopper has left.
    async open() {
      const [row] = await sql<{ open: number }[]>`
        select count(*)::integer as open from pg_stat_activity
         where datname = current_database() and xact_start is not null and pid <> pg_backend_pid()`;
      return row?.open ?? 0;
    },
    answersLast: true,
    checkoutOf: (key) => key,
    async completions() {
      const rows = await sql<
        { client_key: string; created_at: Date }[]
      >`select client_key, created_at from orders`;
      return new Map(rows.map(({ client_key, created_at }) => [client_key, created_at.getTime()]));
    },
    async records(skus) {
      const orders = await sql<{ checkout: string; units: number }[]>`
        select client_key as checkout, sum(quantity)::integer as units
          from orders join order_lines using (order_id) group by client_key`;
      const [stock] = await sql<{ left: number }[]>`
        select coalesce(sum(available), 0)::float8 as left from products where sku_id = any(${[...skus]})`;
      return {
        charges: standingCharges(await readLedger(addresses.paysim), ({ client_key }) => client_key),
        orders,
        unitsTaken: skus.length * STOCK - (stock?.left ?? 0),
        ended: new Set(orders.map(({ checkout }) => checkout)),
      };
    },
    audit: () => Promise.resolve(null),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}
