// Somebody's open transaction, as an operator's forgotten psql: it holds the rows that shoppers want most at this moment. Used by
// the nemesis.
import postgres from "postgres";

/** Of whatever is on its way just now; what our own have locked at this instant is passed over. */
const ROWS: Readonly<Record<string, string>> = {
  "postgres-inventory": `select from inventory
     where sku_id in (select sku_id from reservations where sku_id is not null order by reserved_at desc limit 1)
       for update`,
  "postgres-saga": `select from saga_state where completed_at is null order by created_at desc limit 5 for update skip locked`,
  "postgres-payment": `select from payments order by created_at desc limit 5 for update skip locked`,
  "postgres-order": `select from orders order by created_at desc limit 5 for update skip locked`,
};
const PATIENCE_SECONDS = 5;

/** Holds the rows until called back. Where the server is away, which another fault may see to, nothing is held. */
export async function holdRows(url: string, server: string): Promise<() => Promise<void>> {
  const session = postgres(url, {
    max: 1,
    onnotice: () => {},
    connect_timeout: PATIENCE_SECONDS,
    connection: { application_name: "chaos", statement_timeout: PATIENCE_SECONDS * 1_000 },
  });
  try {
    const connection = await session.reserve();
    await connection`begin`;
    await connection.unsafe(ROWS[server] ?? "");
  } catch {
    await session.end({ timeout: 0 });
    return async () => {};
  }
  // Hangs up without a word: also a server that stands still rolls back when it goes on.
  return () => session.end({ timeout: 0 });
}
