// The deadline that an orchestrator had, from the messages that it sent by its real decisions.
import { expect, test } from "bun:test";
import type { StartSaga } from "../../schemas/http.ts";
import type { Message } from "../../schemas/registry.ts";
import { envelop } from "../messaging/envelope.ts";
import { eventOf } from "../testkit/events.ts";
import { checkout, HOLDING_PROVIDER, POLICY, START } from "../testkit/orchestrator.ts";
import { RecordedDeadline } from "./recorded-deadline.ts";
import { decide, startSaga } from "./saga.ts";

/** What a checkout sends that begins at `at` and is reserved `tookMs` later. */
function sentBy(
  forwardDeadlineMs: number,
  at: number,
  tookMs: number,
  overrides: Partial<StartSaga> = {},
): readonly Message[] {
  const saga_id = Bun.randomUUIDv7();
  const policy = { ...POLICY, forwardDeadlineMs };
  const begun = startSaga(saga_id, checkout(overrides), at, policy);
  const charged = decide(begun.saga, eventOf("InventoryReserved", saga_id), at + tookMs, policy);
  return [[begun, at] as const, [charged, at + tookMs] as const].flatMap(([{ out }, now]) =>
    envelop(out, { eventTopic: "order-events", newId: () => Bun.randomUUIDv7(), now }).map(
      ({ message }) => message,
    ),
  );
}

const recorded = (...messages: readonly Message[]) => {
  const deadline = new RecordedDeadline();
  for (const message of messages) deadline.add(message);
  return deadline.ms;
};

test("one checkout tells it, however long its reservation took", () => {
  expect(recorded(...sentBy(45_000, START, 0))).toBe(45_000);
  expect(recorded(...sentBy(45_000, START, 12_345))).toBe(45_000);
});

test("a checkout whose money is held first tells it too", () => {
  expect(recorded(...sentBy(45_000, START, 12_345, { provider: HOLDING_PROVIDER }))).toBe(45_000);
});

test("without a charge, or without its first command, nothing is told", () => {
  const [reserve, charge] = sentBy(45_000, START, 10);
  expect(recorded()).toBeNull();
  for (const alone of [reserve, charge]) expect(alone === undefined ? 0 : recorded(alone)).toBeNull();
});

test("a setting that was changed counts as soon as two checkouts had it; a single odd one does not", () => {
  const old = [...sentBy(30_000, START, 10), ...sentBy(30_000, START + 1, 20)];
  const changed = [...sentBy(20_000, START + 5_000, 10), ...sentBy(20_000, START + 6_000, 20)];
  // Rebuilt after an earlier loss, so its deadline was set anew.
  const odd = sentBy(99_999, START + 9_000, 10);
  expect(recorded(...old, ...changed, ...odd)).toBe(20_000);
  expect(recorded(...odd, ...changed, ...old)).toBe(20_000);
});
