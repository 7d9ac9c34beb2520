// The sagas of a user that have not finished, for the storefront: a shopper finds an open checkout again on another device. Called by
// status-watch.ts.
import type { Sql } from "postgres";
import type { SagaStatusView } from "../../schemas/http.ts";
import { ownedStatus, type StatusRow, statusColumns } from "./status-store.ts";

/** A shopper has one or two. */
const MAX_OPEN = 10;

/** Newest first. The unique index on (user_id, client_key) finds the user's sagas. */
export async function readOpenSagas(sql: Sql, userId: string): Promise<readonly SagaStatusView[]> {
  const rows = await sql<StatusRow[]>`
    select ${statusColumns(sql)} from saga_state
     where user_id = ${userId} and completed_at is null
     order by created_at desc limit ${MAX_OPEN}`;
  return rows.map((row) => ownedStatus(row).view);
}
