// A saga without progress is noticed: once in the log, and in the gauge for as long as it lasts. So is a cancellation without one.
import { afterAll, beforeAll, beforeEach, expect, test } from "bun:test";
import { eventOf } from "../testkit/events.ts";
import { POLICY, START, TestOrchestrator } from "../testkit/orchestrator.ts";
import { StuckWatch } from "./stuck.ts";
import { countNeedy, findNeedyCancellations, findStuck } from "./stuck-store.ts";

const AFTER_MS = 5 * 60_000;

let orchestrator: TestOrchestrator;
let warnings: string[];
let gauge: number;
let needy: number;
let needyCancellations: number;
beforeAll(async () => {
  orchestrator = await TestOrchestrator.open();
});
beforeEach(async () => {
  orchestrator.now = START;
  warnings = [];
  await orchestrator.database.sql`truncate saga_state, saga_history, outbox, order_cancellations`;
});
afterAll(() => orchestrator[Symbol.asyncDispose]());

function watch(): StuckWatch {
  return new StuckWatch({
    afterMs: AFTER_MS,
    find: (before, limit) => findStuck(orchestrator.database.sql, before, limit),
    countNeedy: (limit) => countNeedy(orchestrator.database.sql, limit),
    clock: { now: () => orchestrator.now },
    log: { warn: (fields, message) => void warnings.push(`${JSON.stringify(fields)} ${message}`) },
    meter: {
      gauge: (name) => ({
        set: (_labels, value) => {
          if (name === "sagas_stuck") gauge = value;
          else if (name === "sagas_needing_operator") needy = value;
          else needyCancellations = value;
        },
      }),
    },
  });
}

/** Moves the clock past the deadline and lets undos be sent again until `until`. */
async function sweepUntil(until: number): Promise<void> {
  while (orchestrator.now < until) {
    orchestrator.now = Math.min(until, orchestrator.now + POLICY.forwardDeadlineMs);
    await orchestrator.sweep();
  }
}

const stuckAt = (now: number) => findStuck(orchestrator.database.sql, now - AFTER_MS, 10);
const TURNED = START + POLICY.forwardDeadlineMs;

test("an undo without a reply is stuck, however often it is sent again, until its reply arrives", async () => {
  // given
  const one = watch();
  const id = await orchestrator.start();
  await one.runOnce();
  expect(needy).toBe(0);
  // when it has been compensating without a reply for this long
  await sweepUntil(TURNED + AFTER_MS);
  await one.runOnce();
  expect([gauge, warnings.length]).toEqual([0, 0]);
  orchestrator.now += 1;
  await one.runOnce();
  await one.runOnce();
  // then
  expect([gauge, needy]).toEqual([1, 1]);
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toContain(`${id} waits for the reply to ReleaseInventory`);
  expect(await stuckAt(orchestrator.now)).toMatchObject([
    {
      saga_id: id,
      status: "COMPENSATING",
      compensation_step: "reserve",
      needs_operator: true,
      created_at: START,
      progress_at: TURNED,
      resend_count: (await orchestrator.messages(id)).length - 2,
    },
  ]);
  // when
  await orchestrator.handle(eventOf("InventoryReleased", id));
  await one.runOnce();
  // then
  expect(gauge).toBe(0);
});

test("a saga that just moved, a new one and a finished one are not stuck", async () => {
  const one = watch();
  const undoing = await orchestrator.start();
  await orchestrator.handle(eventOf("InventoryReserved", undoing));
  const rests = await orchestrator.start();
  await sweepUntil(TURNED + AFTER_MS + 1);
  await orchestrator.handle(eventOf("InventoryReleased", rests), eventOf("PaymentCancelled", undoing));
  await orchestrator.start();
  await one.runOnce();
  expect([gauge, warnings.length]).toEqual([0, 0]);
  // The next undo has no reply either, and is reported again.
  await sweepUntil(orchestrator.now + AFTER_MS - 1);
  expect((await stuckAt(orchestrator.now)).map(({ saga_id }) => saga_id)).not.toContain(undoing);
  await sweepUntil(orchestrator.now + 2);
  await one.runOnce();
  expect(warnings.join()).toContain(`${undoing} waits for the reply to ReleaseInventory`);
});

test("a dead-lettered command is not progress: its saga stays stuck, and its history says why it needs an operator", async () => {
  const id = await orchestrator.start();
  await orchestrator.handle(eventOf("InventoryReserved", id));
  orchestrator.now = START + AFTER_MS + 1;
  await orchestrator.handle(eventOf("CommandDeadLettered", id));
  expect(await stuckAt(orchestrator.now)).toMatchObject([
    { saga_id: id, needs_operator: true, progress_at: START },
  ]);
  const note = "ChargePayment was dead-lettered, an operator is needed";
  expect((await orchestrator.history(id)).at(-1)).toMatchObject({ step: "charge", note });
});

test("after an outage of the orchestrator, sagas that just started to compensate are not stuck", async () => {
  const id = await orchestrator.start();
  orchestrator.now = START + 2 * AFTER_MS;
  expect((await stuckAt(orchestrator.now)).map(({ saga_id }) => saga_id)).toEqual([id]);
  await orchestrator.sweep();
  expect(await stuckAt(orchestrator.now)).toEqual([]);
});

test("the longest stuck come first, up to the limit", async () => {
  const ids = [];
  for (let count = 0; count < 3; count += 1) {
    ids.push(await orchestrator.start());
    orchestrator.now += 1_000;
  }
  const before = orchestrator.now;
  const found = async (limit: number) =>
    (await findStuck(orchestrator.database.sql, before, limit)).map(({ saga_id }) => saga_id);
  expect(await found(10)).toEqual(ids);
  expect(await found(2)).toEqual(ids.slice(0, 2));
});

test("a cancelled order whose refund has no reply is counted and listed, until its reply arrives", async () => {
  // given
  const one = watch();
  const id = await orchestrator.start();
  await orchestrator.complete(id);
  const { position } = await orchestrator.saga(id);
  if (position.kind !== "completed") throw new Error("the saga is not completed");
  const { order_id } = position;
  await orchestrator.cancelOrder(id, { order_id, actor: "ada", reason: "the shopper called" });
  await orchestrator.handle(eventOf("OrderCancelled", id));
  for (let resent = 0; resent < POLICY.resendsBeforeOperator; resent += 1) {
    await one.runOnce();
    expect([needyCancellations, await findNeedyCancellations(orchestrator.database.sql, 10)]).toEqual([
      0,
      [],
    ]);
    orchestrator.now += POLICY.resendCapMs;
    await orchestrator.sweepCancellations();
  }
  // when
  await one.runOnce();
  // then the checkout itself is not in progress, and only its cancellation counts
  expect([gauge, needy, needyCancellations]).toEqual([0, 0, 1]);
  expect(await findNeedyCancellations(orchestrator.database.sql, 10)).toEqual([
    {
      saga_id: id,
      order_id,
      status: "CANCELLING",
      step: "refund",
      resend_count: POLICY.resendsBeforeOperator,
      needs_operator: true,
      created_at: START,
    },
  ]);
  // when
  await orchestrator.handle(eventOf("RefundCompleted", id));
  await one.runOnce();
  // then
  expect(needyCancellations).toBe(0);
});
