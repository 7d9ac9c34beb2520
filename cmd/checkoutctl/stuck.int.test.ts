// `saga ls --stuck`: lists sagas without progress, and cancellations that need an operator, against a real database.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { Checkoutctl } from "../../internal/testkit/checkoutctl.ts";
import { eventOf } from "../../internal/testkit/events.ts";
import { POLICY, TestOrchestrator } from "../../internal/testkit/orchestrator.ts";

const TEN_MINUTES_MS = 10 * 60_000;

let tool: Checkoutctl;
let orchestrator: TestOrchestrator;
beforeAll(async () => {
  [tool, orchestrator] = await Promise.all([Checkoutctl.open(), TestOrchestrator.open()]);
});
afterAll(async () => {
  await tool[Symbol.asyncDispose]();
  await orchestrator[Symbol.asyncDispose]();
});

test("saga ls --stuck prints step, awaited command, waiting time and resend count of each saga", async () => {
  // given a saga without a reply to its refund, one started at about the same time, and a new one
  const env = { SAGA_DATABASE_URL: orchestrator.database.url };
  const begun = Date.now() - TEN_MINUTES_MS;
  orchestrator.now = begun;
  const charged = await orchestrator.start();
  await orchestrator.handle(eventOf("InventoryReserved", charged), eventOf("PaymentSucceeded", charged));
  await orchestrator.handle(eventOf("ReservationLost", charged));
  orchestrator.now += POLICY.resendFirstMs;
  await orchestrator.sweep();
  orchestrator.now = begun + 1_000;
  const started = await orchestrator.start();
  orchestrator.now = Date.now();
  await orchestrator.start();
  // then
  const listed = await tool.json<object[]>(["saga", "ls", "--stuck"], env);
  expect(listed).toEqual([
    expect.objectContaining({
      saga_id: charged,
      status: "COMPENSATING",
      current_step: "confirm",
      compensation_step: "charge",
      waits_for: "RefundPayment",
      progress_at: begun,
      resend_count: 1,
      needs_operator: false,
    }),
    expect.objectContaining({ saga_id: started, status: "STARTED", waits_for: "ReserveInventory" }),
  ]);
  const { stdout } = await tool.run(["saga", "ls", "--stuck", "9m", "--limit", "1"], env);
  const [head = "", line = "", ...rest] = stdout.trimEnd().split("\n");
  expect(head).toMatch(/^SAGA +STATUS +STEP +WAITS FOR THE REPLY TO +SINCE +RESENT +NEEDS AN OPERATOR$/);
  expect(line.split(/ {2,}/)).toEqual([
    charged,
    "COMPENSATING",
    "undoing charge",
    "RefundPayment",
    new Date(begun).toISOString(),
    "1",
    "no",
  ]);
  expect(rest).toEqual([]);
  expect((await tool.run(["saga", "ls", "--stuck", "1h"], env)).stdout).toBe("no saga is stuck\n");
});

test("saga ls --stuck ends with the cancelled orders whose cancellation needs an operator", async () => {
  // given
  const env = { SAGA_DATABASE_URL: orchestrator.database.url };
  await orchestrator.database.sql`truncate saga_state, saga_history, outbox`;
  orchestrator.now = Date.now();
  const id = await orchestrator.start();
  await orchestrator.complete(id);
  const { position } = await orchestrator.saga(id);
  if (position.kind !== "completed") throw new Error("the saga is not completed");
  const { order_id } = position;
  const begun = orchestrator.now;
  await orchestrator.cancelOrder(id, { order_id, actor: "ada", reason: "the shopper called" });
  await orchestrator.handle(eventOf("OrderCancelled", id));
  expect(await tool.json<object[]>(["saga", "ls", "--stuck"], env)).toEqual([]);
  // when
  for (let resent = 0; resent < POLICY.resendsBeforeOperator; resent += 1) {
    orchestrator.now += POLICY.resendCapMs;
    await orchestrator.sweepCancellations();
  }
  // then
  expect(await tool.json<object[]>(["saga", "ls", "--stuck"], env)).toEqual([
    expect.objectContaining({ saga_id: id, order_id, status: "CANCELLING", waits_for: "RefundPayment" }),
  ]);
  const { stdout } = await tool.run(["saga", "ls", "--stuck"], env);
  expect(stdout.trimEnd().split("\n").at(-1)?.split(/ {2,}/)).toEqual([
    id,
    "CANCELLING",
    "refund",
    "RefundPayment",
    new Date(begun).toISOString(),
    String(POLICY.resendsBeforeOperator),
    "yes",
  ]);
});
