// What is logged about sagas that do not move; stuck.int.test.ts tests which sagas those are.
import { expect, test } from "bun:test";
import { awaitedCommand, MAX_STUCK_COUNTED, StuckWatch } from "./stuck.ts";
import type { Step } from "./steps.ts";
import type { StuckSaga } from "./stuck-store.ts";

const NOW = Date.UTC(2026, 10, 23, 12);
const AFTER_MS = 300_000;

function stuck(saga_id: string): StuckSaga {
  return {
    saga_id,
    table_version: 1,
    status: "STARTED",
    current_step: "reserve",
    compensation_step: null,
    payment_succeeded: false,
    resend_count: 0,
    needs_operator: false,
    created_at: 0,
    progress_at: 0,
  };
}

test("a saga waits for the command of its step, or for the undo that its payment needs", () => {
  const cases: readonly (readonly [Step, Step | null, boolean, string, 2?])[] = [
    ["reserve", null, false, "ReserveInventory"],
    ["confirm", null, true, "ConfirmReservation"],
    ["order", "order", true, "CancelOrder"],
    ["charge", "charge", false, "CancelPayment"],
    ["order", "charge", true, "RefundPayment"],
    ["order", "reserve", true, "ReleaseInventory"],
    ["confirm", null, false, "ConfirmReservation", 2],
    ["capture", null, false, "CapturePayment", 2],
    ["capture", "authorize", false, "CancelPayment", 2],
    ["order", "authorize", true, "RefundPayment", 2],
  ];
  for (const [current_step, compensation_step, payment_succeeded, command, table_version = 1] of cases)
    expect(awaitedCommand({ current_step, compensation_step, payment_succeeded, table_version })).toBe(
      command,
    );
});

test("each stuck saga is logged once, at most twenty in a line; the gauge counts all", async () => {
  const asked: unknown[] = [];
  const told: { sagas: readonly string[]; more: number; message: string }[] = [];
  const gauges = new Map<string, number>();
  let found: readonly StuckSaga[] = [];
  const watch = new StuckWatch({
    afterMs: AFTER_MS,
    find: (...asks) => {
      asked.push(asks);
      return Promise.resolve(found);
    },
    countNeedy: (limit) => Promise.resolve({ sagas: Math.min(limit, 7), cancellations: Math.min(limit, 3) }),
    clock: { now: () => NOW },
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the test checks the fields
    log: { warn: (fields, message) => void told.push({ ...(fields as (typeof told)[0]), message }) },
    meter: { gauge: (name) => ({ set: (_labels, value) => void gauges.set(name, value) }) },
  });
  await watch.runOnce();
  expect([gauges.get("sagas_stuck"), told.length]).toEqual([0, 0]);
  expect(gauges.get("sagas_needing_operator")).toBe(7);
  expect(gauges.get("order_cancellations_needing_operator")).toBe(3);
  expect(asked).toEqual([[NOW - AFTER_MS, MAX_STUCK_COUNTED]]);

  found = Array.from({ length: 22 }, (_, index) => stuck(`saga ${index}`));
  await watch.runOnce();
  await watch.runOnce();
  expect([gauges.get("sagas_stuck"), told.length]).toEqual([22, 1]);
  expect(told[0]?.sagas).toHaveLength(20);
  expect(told[0]?.sagas[0]).toBe("saga 0 waits for the reply to ReserveInventory");
  expect(told[0]?.more).toBe(2);
  expect(told[0]?.message).toContain("22 sagas have made no progress for 300 s");

  found = [stuck("saga 0"), stuck("saga 99")];
  await watch.runOnce();
  expect([gauges.get("sagas_stuck"), told[1]?.sagas]).toEqual([
    2,
    ["saga 99 waits for the reply to ReserveInventory"],
  ]);
  // A saga that moved and is stuck again is logged again.
  found = [];
  await watch.runOnce();
  found = [stuck("saga 0")];
  await watch.runOnce();
  expect(told[2]?.sagas).toEqual(["saga 0 waits for the reply to ReserveInventory"]);
});
