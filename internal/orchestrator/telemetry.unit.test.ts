// What a finished saga counts as: whose failure it was, and whether it waited for its shopper. The alert rules compute the objectives
// from these.
import { expect, test } from "bun:test";
import type { Event } from "../../schemas/events.ts";
import { assert } from "../kernel/errors.ts";
import { Metrics } from "../platform/metrics.ts";
import { eventOf } from "../testkit/events.ts";
import { ignore, noLog } from "../testkit/noop-telemetry.ts";
import { checkout, POLICY, START } from "../testkit/orchestrator.ts";
import { decide, startSaga } from "./saga.ts";
import type { SagaInput } from "./state.ts";
import { sagaTelemetry } from "./telemetry.ts";

const ID = "01890000-0000-7000-8000-000000000001";

/** The series that change when a saga gets these inputs. */
async function countedFor(...inputs: readonly (Event["type"] | SagaInput)[]): Promise<readonly string[]> {
  const metrics = new Metrics();
  const { observer } = sagaTelemetry(metrics, noLog, ignore);
  let { saga } = startSaga(ID, checkout({ shopper_present: true }), START, POLICY);
  for (const one of inputs) {
    const input = typeof one === "string" ? eventOf(one, ID) : one;
    const decision = decide(saga, input, START, POLICY);
    saga = decision.saga;
    observer.decided(input, decision);
  }
  expect(saga.completed_at).not.toBeNull();
  const { text } = await metrics.expose();
  return text
    .split("\n")
    .filter((line) => /^checkout_(sagas_ended|sagas_failed|saga_duration_seconds_count)/.test(line))
    .map((line) => line.replace(/^checkout_/, ""))
    .toSorted();
}

const failed = eventOf("PaymentFailed", ID);
assert(failed.type === "PaymentFailed", "the fixture has the requested type");
const declined: SagaInput = { ...failed, error_code: "CARD_DECLINED" };

test("a decline is no failure of the shop, an expired hold is", async () => {
  expect(await countedFor("InventoryReserved", declined, "InventoryReleased")).toEqual([
    'saga_duration_seconds_count{status="COMPENSATED",waited_for_shopper="no"} 1',
    'sagas_ended_total{status="COMPENSATED",failure_code="CARD_DECLINED"} 1',
    "sagas_failed_by_shop_total 0",
  ]);
  expect(
    await countedFor("InventoryReserved", "ReservationExpired", "PaymentCancelled", "InventoryReleased"),
  ).toEqual([
    'saga_duration_seconds_count{status="COMPENSATED",waited_for_shopper="no"} 1',
    'sagas_ended_total{status="COMPENSATED",failure_code="RESERVATION_EXPIRED"} 1',
    "sagas_failed_by_shop_total 1",
  ]);
});

test("the time of a saga that waited for its shopper is kept apart, however it ended", async () => {
  const bank = ["InventoryReserved", "PaymentActionRequired"] as const;
  const completed = ["PaymentSucceeded", "ReservationConfirmed", "OrderCreated"] as const;
  expect(await countedFor(...bank, ...completed)).toEqual([
    'saga_duration_seconds_count{status="COMPLETED",waited_for_shopper="yes"} 1',
    'sagas_ended_total{status="COMPLETED",failure_code=""} 1',
    "sagas_failed_by_shop_total 0",
  ]);
  expect((await countedFor(...bank, declined, "InventoryReleased"))[0]).toContain('waited_for_shopper="yes"');
});
