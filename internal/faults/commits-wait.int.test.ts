// A standby counts as synchronous for the tests only when commits wait for it, which is later than Postgres says so.
import { expect, test } from "bun:test";
import { ReplicatedPostgres } from "../testkit/replicated-postgres.ts";
import { waitUntil } from "../stack/wait.ts";

const SOON = { timeoutMs: 30_000 };

test("a standby that the primary calls synchronous is waited for until commits wait for it", async () => {
  await using held = new AsyncDisposableStack();
  const servers = held.use(await ReplicatedPostgres.start());
  const [checkpointer] = await servers.onPrimary<{ pid: number }[]>`
    select pid from pg_stat_activity where backend_type = 'checkpointer'`;
  if (checkpointer === undefined) throw new Error("no checkpointer");
  // As if it were busy with a checkpoint: it has not read the new setting.
  process.kill(checkpointer.pid, "SIGSTOP");
  held.defer(() => void process.kill(checkpointer.pid, "SIGCONT"));
  let isSynchronous = false;
  const made = servers.makeSynchronous().then(() => (isSynchronous = true));
  const isCalledSynchronous = async () => {
    const rows = await servers.onPrimary`select 1 from pg_stat_replication where sync_state = 'sync'`;
    return rows.length > 0;
  };
  await waitUntil("the primary calls it synchronous", isCalledSynchronous, SOON);
  await Bun.sleep(1_000);
  expect(isSynchronous).toBe(false);
  process.kill(checkpointer.pid, "SIGCONT");
  await made;
});
