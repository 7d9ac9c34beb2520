// What the page of a saga says to do while it needs an operator, from what the collector knows of roles and topics.
import { describe, expect, test } from "bun:test";
import { render } from "preact-render-to-string";
import type { RoleState } from "../../schemas/overview.ts";
import { known, NOW, quietSnapshot, sagaId, sagaOf, storyOf, unknown } from "../testkit/console.ts";
import type { SagaSummary } from "../operations/saga-store.ts";
import { Instructions, instructionsFor, type SystemState } from "./parts/instruction.tsx";

const SINCE = unknown("away").unknownSince;
const UNDOING_ORDER: Partial<SagaSummary> = {
  status: "COMPENSATING",
  current_step: "order",
  compensation_step: "order",
  needs_operator: true,
  deadline_at: NOW + 60_000,
};
const row = (history_id: number, message_type: string, to_status: string, step: string) => ({
  history_id,
  at: NOW - 600_000 + history_id,
  from_status: message_type === "OrderTimedOut" ? "PAYMENT_CHARGED" : "COMPENSATING",
  to_status,
  step,
  message_type,
  message_id: null,
  note: null,
});
const stuck = (parts: Partial<SagaSummary> = {}, more: readonly string[] = []) =>
  storyOf({
    saga: sagaOf(7, { ...UNDOING_ORDER, ...parts }),
    history: ["OrderTimedOut", ...more].map((type, index) => row(index, type, "COMPENSATING", "order")),
    timeline: [],
  });

const role = (name: string, parts: Partial<RoleState> = {}): SystemState["roles"][number] => ({
  name,
  reading: known({
    is_ready: true,
    reasons: [],
    version: null,
    started_at: null,
    cpu_seconds: null,
    memory_bytes: null,
    ...parts,
  }),
});
const silent = (name: string) => ({ name, reading: unknown<RoleState>("connect ECONNREFUSED") });
const topics = (topic: string, group: string, lag: number) =>
  known([{ topic, partitions: 16, messages: lag, end: lag, groups: [{ group, lag }] }]);
const CALM: SystemState = {
  roles: ["orchestrator", "inventory", "payment", "order"].map((name) => role(name)),
  topics: topics("checkout-commands", "order", 0),
};

const told = (story = stuck(), system: Partial<SystemState> = {}) =>
  instructionsFor(story, { ...CALM, ...system }, NOW).map(
    ({ text, since, rest, link }) => `${text}${since === null ? "" : " (time)"}${rest} -> ${link.href}`,
  );

test("the role that owes the reply is down", () => {
  const roles = [role("orchestrator"), silent("order")];
  expect(told(stuck(), { roles })).toEqual([
    "The order service has not answered since (time). Start it on its machine; nothing else is needed, the command is sent again by itself. -> /#o-roles",
  ]);
  const [found] = instructionsFor(stuck(), { ...CALM, roles }, NOW);
  expect(found?.since).toBe(SINCE);
  const html = render(Instructions({ story: stuck(), ...CALM, roles, now: NOW }));
  expect(html).toMatch(
    /The order service has not answered since <time[^>]*>2026-11-29 12:01<\/time>\. Start it on its machine;/,
  );
  for (const command of ["systemctl start checkout-order", "bun run stack restart order"])
    expect(html).toContain(`<code>${command}</code>`);
});

test("another role that is down is not said, nor one of which another process is ready", () => {
  expect(told(stuck(), { roles: [silent("inventory"), role("order")] }).join()).not.toContain("Start it");
  expect(told(stuck(), { roles: [silent("order"), role("order-2")] }).join()).not.toContain("Start it");
});

test("the role is there, and not ready", () => {
  const roles = [role("order", { is_ready: false, reasons: ["postgres: away"] })];
  expect(told(stuck(), { roles })).toEqual([
    "The order service is not ready: postgres: away. Correct that; nothing else is needed, the command is sent again by itself. -> /#o-roles",
  ]);
});

test("an orchestrator that is down handles no deadline, so its saga is overdue without a mark", () => {
  const roles = [silent("orchestrator"), role("order")];
  const overdue = stuck({ needs_operator: false, deadline_at: NOW - 11_000 });
  expect(told(overdue, { roles })[0]).toStartWith(
    "The orchestrator has not answered since (time). Start it on its machine;",
  );
});

test("messages wait in Kafka, on the way there or back", () => {
  const behind = (topic: string, group: string, lag = 1_001) =>
    told(stuck(), { topics: topics(topic, group, lag) })[0];
  expect(behind("checkout-commands", "order")).toStartWith(
    "order is 1,001 messages behind in checkout-commands",
  );
  expect(behind("order-events", "orchestrator")).toStartWith("orchestrator is 1,001 messages behind");
  expect(behind("checkout-commands", "order", 1_000)).not.toContain("behind");
  expect(behind("checkout-commands", "payment")).not.toContain("behind");
  expect(told(stuck(), { topics: unknown("away") })[0]).toStartWith("Kafka has not answered since (time)");
});

test("its command was dead-lettered, in the step where it still is", () => {
  expect(told(stuck({}, ["CommandDeadLettered", "DeadlinePassed"]))).toEqual([
    `Its command failed for good and was dead-lettered at (time). Correct the cause, then replay the dead letter, unless it is handled already. -> /dead-letters?saga=${sagaId(7)}`,
  ]);
  const story = stuck({ compensation_step: "charge" });
  const before = row(1, "CommandDeadLettered", "COMPENSATING", "order");
  const history = [before, row(2, "OrderCancelled", "COMPENSATING", "charge")];
  expect(told({ ...story, history }).join()).not.toContain("dead-lettered");
});

test("the payment provider does not answer, which matters to the undo of a charge only", () => {
  const providers = [{ provider: "stripe", breaker_open: true, charges_held: false, results: [] }];
  const roles = [role("payment", { providers })];
  expect(told(stuck({ compensation_step: "charge" }), { roles })[0]).toStartWith(
    "The payment provider does not answer (stripe).",
  );
  expect(told(stuck(), { roles })[0]).not.toContain("provider");
});

test("otherwise it says what waits, or whose log has the cause", () => {
  expect(told()).toEqual([
    "The order service owes the reply, and nothing is known of why it does not come. Look at its log and at its database, and whether a row is locked there. -> /outboxes",
  ]);
  const what = "CancelOrder waits for a retry, failed 3 times: deadlock detected";
  const waiting = {
    id: "w",
    at: NOW,
    who: "order",
    kind: "waiting",
    what,
    failed: true,
    detail: {},
  } as const;
  expect(told({ ...stuck(), timeline: [waiting] })).toEqual([
    `${what}. Look at the log of the order service. -> /outboxes`,
  ]);
});

describe("nothing is said", () => {
  const roles = [silent("order"), silent("orchestrator")];

  test("while a saga goes on in time", () => {
    expect(told(stuck({ needs_operator: false }), { roles })).toEqual([]);
    expect(told(stuck({ needs_operator: false }, ["DeadlinePassed"]), { roles })).not.toEqual([]);
  });

  test("once it has ended", () => {
    expect(told(storyOf(), { roles })).toEqual([]);
    expect(render(Instructions({ story: storyOf(), ...quietSnapshot(), now: NOW }))).toBe("");
  });
});
