// An operator's mistake, and the database as it was just before: a base backup and the archived log bring back the time of the mistake, and
// the commands of the runbook what came after. The test follows the runbook ("Back to a point in time"). Called by databases.e2e.test.ts.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { appendFileSync, chownSync, mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import postgres, { type Sql } from "postgres";
import type { Shopper } from "../../../bench/shopper.ts";
import { copyRunning, writeOwned } from "../../faults/failover.ts";
import { postgresData } from "../servers/postgres.ts";
import { waitUntil } from "../wait.ts";
import type { RunningSystem } from "./running-system.ts";
import { SteadyShopper } from "./steady-shopper.ts";

const TEST_TIMEOUT_MS = 180_000;
const PATIENCE_MS = 60_000;
const PAUSE_MS = 100;
const SKU = "emptied";
const REASON = ["--reason", "somebody emptied the payments"];

const held = new AsyncDisposableStack();
let system: RunningSystem;
let shopper: Shopper;
let journal: string;

/** The folder of a server, which belongs to its user, and a connection of a superuser, new after each start. */
const data = () => postgresData(join(system.stack.dataDirectory, "postgres-payment"));
async function asSuperuser<T>(use: (sql: Sql) => Promise<T>): Promise<T> {
  const sql = postgres(system.context.addresses.postgres["payment"] ?? "", { max: 1, onnotice: () => {} });
  try {
    return await use(sql);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** Each finished file of the log is copied to the archive. */
async function startArchiving(archive: string): Promise<void> {
  mkdirSync(archive, { mode: 0o700 });
  const { uid, gid } = statSync(data());
  chownSync(archive, uid, gid);
  await asSuperuser(async (sql) => {
    const copy = `test ! -f ${archive}/%f && cp %p ${archive}/%f.part && mv ${archive}/%f.part ${archive}/%f`;
    await sql`alter system set archive_mode = on`;
    await sql.unsafe(`alter system set archive_command = '${copy}'`);
  });
  await system.stack.restart("postgres-payment");
}

/** Resolves when everything that is written so far is in the archive. */
async function archiveAll(): Promise<void> {
  await asSuperuser(async (sql) => {
    const [row] = await sql<{ file: string }[]>`select pg_walfile_name(pg_switch_wal()) as file`;
    const isThere = async () => {
      const [{ last } = { last: null }] = await sql<{ last: string | null }[]>`
        select last_archived_wal as last from pg_stat_archiver`;
      return last !== null && last >= (row?.file ?? "");
    };
    await waitUntil("the log is in the archive", isThere, { timeoutMs: PATIENCE_MS });
  });
}

/** The base backup in place of the data, and what the server needs to replay the archive up to a time. */
async function restoreTo(time: string, backup: string, archive: string): Promise<void> {
  const server = system.stack.find("postgres-payment");
  await server.stop();
  renameSync(data(), `${data()}-spoiled`);
  renameSync(backup, data());
  writeOwned(join(data(), "recovery.signal"), "");
  const settings = {
    restore_command: `cp ${archive}/%f %p`,
    recovery_target_time: time,
    recovery_target_inclusive: "off",
    recovery_target_action: "pause",
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = '${value}'\n`);
  writeOwned(join(data(), "postgresql.auto.conf"), lines.join(""));
  await server.restart();
  await waits(
    "select 1 where pg_get_wal_replay_pause_state() = 'paused'",
    "has replayed the log up to that time",
  );
}

/** Somebody has looked at it, and found that it is the right moment. */
async function takeWrites(): Promise<void> {
  await asSuperuser((sql) => sql`select pg_wal_replay_resume()`);
  await waits("select 1 where not pg_is_in_recovery()", "takes writes");
}

async function waits(query: string, what: string): Promise<void> {
  const isSo = () => asSuperuser(async (sql) => (await sql.unsafe(query)).length === 1);
  await waitUntil(`the restored database ${what}`, isSo, { timeoutMs: PATIENCE_MS });
}

const paymentIds = () =>
  asSuperuser(async (sql) => {
    const rows = await sql<{ payment_id: string }[]>`select payment_id from payments`;
    return rows.map(({ payment_id }) => payment_id);
  });

/** Defines the test. Afterwards the payment database keeps an archive, of which the files are gone. */
export function pointInTime(running: () => RunningSystem): void {
  beforeAll(async () => {
    system = running();
    await system.providerTakes("fixed:20");
    shopper = await system.shopper();
    journal = join(system.stack.dataDirectory, "journal-of-payments");
    await system.restock(SKU, 1_000);
  });
  afterAll(() => held.disposeAsync());

  test(
    "payments are emptied under load: the database goes back to the moment before, and what came after is rebuilt",
    async () => {
      // given a base backup under load, and the log since then
      const [backup, archive] = [`${data()}-base`, `${data()}-archive`];
      for (const folder of [backup, archive, `${data()}-spoiled`])
        held.defer(() => rmSync(folder, { recursive: true, force: true }));
      await startArchiving(archive);
      const load = new SteadyShopper(shopper, {
        sku: SKU,
        pauseMs: PAUSE_MS,
        card: (before) => (before % 5 === 4 ? "pm_card_visa_chargeDeclined" : "pm_card_visa"),
        accepted: ({ saga_id }) => appendFileSync(journal, `${JSON.stringify({ saga_id })}\n`),
      });
      await load.places(5);
      await asSuperuser((sql) => copyRunning(sql, data(), backup));
      await load.places(5);
      // when
      let ids: readonly string[] = [];
      const areThere = async () => (ids = await paymentIds()).length > 5;
      await waitUntil("there are payments", areThere, { timeoutMs: PATIENCE_MS });
      const time = await asSuperuser(async (sql) => {
        const [now] = await sql<{ time: string }[]>`select clock_timestamp()::text as time`;
        return now?.time ?? "";
      });
      // The log is replayed up to the next commit. Were that the one of the mistake, its lock would be there already, and nobody could look.
      await load.places(2);
      await asSuperuser((sql) => sql`truncate payments cascade`);
      await load.places(5);
      // then the operator stops the role and who gives it work
      await system.stack.find("orchestrator").stop();
      await system.stack.find("payment").stop();
      await archiveAll();
      const spoiled = await paymentIds();
      expect(ids.filter((id) => spoiled.includes(id))).toEqual([]);
      await restoreTo(time, backup, archive);
      const restored = await paymentIds();
      expect(ids.filter((id) => !restored.includes(id))).toEqual([]);
      await takeWrites();
      // and brings back what came after
      const since = ["--since", new Date(Date.parse(time) - 60_000).toISOString()];
      await system.operatorSees(["outbox", "restore", "--database", "payment", ...REASON]);
      await system.operatorSees(["payments", "rebuild", ...since, ...REASON]);
      await system.republish(...since, ...REASON);
      await system.stack.restart("payment");
      await system.stack.restart("orchestrator");
      const placed = await load.stop();
      expect(await load.endsOf(placed)).toEqual(new Set(["COMPLETED", "CARD_DECLINED"]));
      const isAgreed = async () => (await system.audit("--journal", journal)).code === 0;
      await waitUntil("the audit is clean", isAgreed, { timeoutMs: PATIENCE_MS });
      expect(await system.audit("--journal", journal)).toEqual({ code: 0, violations: [] });
    },
    TEST_TIMEOUT_MS,
  );
}
