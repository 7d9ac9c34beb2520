// Somebody's open transaction that holds rows: an operator's forgotten psql, a backup tool. For tests that show whom it delays.
import postgres from "postgres";
import { type Clone, cloneDatabase } from "./database.ts";

/** Long enough that who is in the way is seen also on a busy machine. */
export const LOCK_TIMEOUT_MS = 2_000;
/** For tests that do not ask who it was. */
export const SHORT_LOCK_TIMEOUT_MS = 300;

/** A database whose statements soon give way. */
export const impatient: Clone = (service) => cloneDatabase(service, { lockMs: SHORT_LOCK_TIMEOUT_MS });

export interface RowLock extends AsyncDisposable {
  readonly pid: number;
  /** Rolls back. Idempotent. */
  release(): Promise<void>;
}

/** Runs `statement` in a transaction of its own, which stays open; its session calls itself "somebody". */
export async function holdRows(url: string, statement: string): Promise<RowLock> {
  const sql = postgres(url, {
    max: 1,
    onnotice: () => undefined,
    connection: { application_name: "somebody" },
  });
  const session = await sql.reserve();
  await session`begin`;
  await session.unsafe(statement);
  const [backend] = await session<[{ pid: number }]>`select pg_backend_pid() as pid`;
  let released: Promise<void> | undefined;
  const release = async () => {
    await session`rollback`;
    session.release();
    await sql.end();
  };
  const once = () => (released ??= release());
  return { pid: backend.pid, release: once, [Symbol.asyncDispose]: once };
}
