// Reads all rows of a statement that returns a page of them after an id. Called by the rebuilds of orders and payments.
import { FIRST_ID } from "../kernel/time-of-id.ts";

/** The pages, each with at least one row. `read` returns at most `limit` rows whose ids follow `after`, in the order of their ids. */
export async function* keysetPages<Row>(
  read: (after: string) => Promise<readonly Row[]>,
  idOf: (row: Row) => string,
  limit: number,
): AsyncGenerator<readonly Row[], void> {
  for (let after = FIRST_ID; ;) {
    const rows = await read(after);
    const last = rows.at(-1);
    if (last === undefined) return;
    yield rows;
    if (rows.length < limit) return;
    after = idOf(last);
  }
}
