// What the shopper's view says about the money of an order that is cancelled after its checkout, on a real Postgres, and that the
// status of other checkouts costs no look at the cancellations.
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Event } from "../../schemas/events.ts";
import { eventOf } from "../testkit/events.ts";
import { TestOrchestrator } from "../testkit/orchestrator.ts";
import { HistoryWatch } from "./history-watch.ts";
import { readOpenSagas, readStatuses } from "./status-store.ts";
import { StatusWatch } from "./status-watch.ts";

const USER = "01890000-0000-7000-8000-00000000000a";
const WHO = { actor: "ada", reason: "the shopper called" };

let orchestrator: TestOrchestrator;
beforeAll(async () => {
  orchestrator = await TestOrchestrator.open();
});
afterAll(() => orchestrator[Symbol.asyncDispose]());

/** A completed checkout whose order is being cancelled. */
async function cancelling(): Promise<string> {
  const id = await orchestrator.start({ user_id: USER });
  await orchestrator.complete(id);
  const { position } = await orchestrator.saga(id);
  if (position.kind !== "completed") throw new Error("the saga is not completed");
  await orchestrator.cancelOrder(id, { order_id: position.order_id, ...WHO });
  return id;
}

/** What the status and the history say, which must be the same. */
async function moneyOf(id: string): Promise<string | undefined> {
  using watch = new StatusWatch(orchestrator.database.sql);
  using history = new HistoryWatch(orchestrator.database.sql);
  const view = await watch.status(id, USER);
  expect((await history.history({ sagaId: id, after: 0 }, USER))?.view).toEqual(view ?? undefined);
  expect(view?.status).toBe("COMPLETED");
  return view?.money;
}

async function moneyAfter(id: string, type: Event["type"]): Promise<string | undefined> {
  await orchestrator.handle(eventOf(type, id));
  return moneyOf(id);
}

test("the money is taken until the order is cancelled, then returning, and returned after the refund", async () => {
  const id = await cancelling();
  expect(await moneyOf(id)).toBe("taken");
  expect(await moneyAfter(id, "OrderCancelled")).toBe("returning");
  expect(await moneyAfter(id, "RefundCompleted")).toBe("returned");
  expect(await moneyAfter(id, "InventoryReleased")).toBe("returned");
});

test("a cancellation that was refused takes nothing back; the next one does", async () => {
  const id = await cancelling();
  expect(await moneyAfter(id, "OrderCancelRefused")).toBe("taken");
  const { position } = await orchestrator.saga(id);
  const order_id = position.kind === "completed" ? position.order_id : "";
  await orchestrator.cancelOrder(id, { order_id, ...WHO });
  expect(await moneyOf(id)).toBe("taken");
  expect(await moneyAfter(id, "OrderCancelled")).toBe("returning");
});

test("one statement reads a status; only that of a completed checkout looks at the cancellations", async () => {
  const open = await orchestrator.start({ user_id: USER });
  const failed = await orchestrator.start({ user_id: USER });
  await orchestrator.handle(eventOf("InsufficientStock", failed));
  const cancelled = await cancelling();
  const { sql } = orchestrator.database;
  const connection = await sql.reserve();
  const statements: string[] = [];
  // What this connection has not reported yet counts too, so only the difference says something.
  const scans = async () => {
    const [row] = await connection<{ scans: number }[]>`
      select coalesce(sum(seq_scan + coalesce(idx_scan, 0)), 0)::float8 as scans
        from pg_stat_xact_user_tables where relname = 'order_cancellations'`;
    return row?.scans ?? 0;
  };
  /** The statements of one read, and its looks at the table of cancellations, by whatever index. */
  const looks = async (read: () => Promise<unknown>) => {
    await connection`begin`;
    const before = await scans();
    statements.length = 0;
    await read();
    const sent = statements.length;
    const looked = (await scans()) - before;
    await connection`rollback`;
    return { statements: sent, scans: looked };
  };
  sql.options.debug = (_, text) => void statements.push(text);
  try {
    const ordinary = () => readStatuses(connection, [open, failed]);
    expect(await looks(ordinary)).toEqual({ statements: 1, scans: 0 });
    expect(await looks(() => readOpenSagas(connection, USER))).toEqual({ statements: 1, scans: 0 });
    const ended = () => readStatuses(connection, [open, failed, cancelled]);
    expect(await looks(ended)).toEqual({ statements: 1, scans: 1 });
  } finally {
    sql.options.debug = false;
    connection.release();
  }
});
