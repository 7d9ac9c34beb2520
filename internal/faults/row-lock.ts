// An open transaction, like a forgotten psql of an operator: it locks the rows that shoppers need most at this moment. Used by the
// nemesis.
import postgres from "postgres";

/** Rows that are in use just now. Rows that our own transactions have locked at this instant are skipped. */
const ROWS: Readonly<Record<string, string>> = {
  "postgres-inventory": `select from inventory
     where sku_id in (select sku_id from reservations where sku_id is not null order by reserved_at desc limit 1)
       for update`,
  "postgres-saga": `select from saga_state where completed_at is null order by created_at desc limit 5 for update skip locked`,
  "postgres-payment": `select from payments order by created_at desc limit 5 for update skip locked`,
  "postgres-order": `select from orders order by created_at desc limit 5 for update skip locked`,
};
const PATIENCE_SECONDS = 5;

/**
 * Locks the rows until the returned function is called. When the server is unavailable, perhaps through another fault, nothing is
 * locked.
 */
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
  // Closes the connection without a message: a paused server rolls back too, when it resumes.
  return () => session.end({ timeout: 0 });
}
