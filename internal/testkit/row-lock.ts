// An open transaction that locks rows, like an operator's forgotten psql or a backup tool. For tests of the delays it causes.
import postgres from "postgres";
import { type Clone, cloneDatabase } from "./database.ts";

/** Long enough to detect the blocking session even on a busy machine. */
export const LOCK_TIMEOUT_MS = 2_000;
/** For tests that do not need the blocking session. */
export const SHORT_LOCK_TIMEOUT_MS = 300;

/** A database whose statements stop waiting for locks early. */
export const impatient: Clone = (service) => cloneDatabase(service, { lockMs: SHORT_LOCK_TIMEOUT_MS });

export interface RowLock extends AsyncDisposable {
  readonly pid: number;
  /** Rolls back. Idempotent. */
  release(): Promise<void>;
}

/** Runs `statement` in a separate transaction and keeps it open. Its application_name is "somebody". */
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
