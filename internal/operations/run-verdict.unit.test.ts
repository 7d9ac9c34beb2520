// What a run does with an item at its turn, and how it goes on after a batch.
import { describe, expect, test } from "bun:test";
import { afterBatch, type AtItsTurn, endOf, outcomeOf, verdictOn, whyOf } from "./run-verdict.ts";
import type { RunState } from "./plan.ts";
import type { RunItem } from "./run-store.ts";

const item: RunItem = {
  position: 0,
  subject: "d",
  saga_id: "s",
  message_id: "m",
  planned: "send",
  why: null,
  outcome: null,
  action_id: null,
  written_at: null,
  units_done: 0,
  cursor: null,
};
const sent = {
  message_id: "m",
  type: "ChargePayment",
  saga_id: "s",
  written_at: "2026-11-29T12:00:00.000001Z",
};
const send = { kind: "send", sent, lost: null } as const;

const verdict = (changes: Partial<AtItsTurn>) =>
  verdictOn({ item, decision: send, kept: sent, replays: 0, allowsQuarantined: false, ...changes });

describe("at its turn an item is", () => {
  test("sent if it may be sent now", () => {
    expect(verdict({})).toEqual(send);
  });

  test("refused if its saga has moved on, or its dead letter has gone", () => {
    const why = "its saga is finished: COMPENSATED";
    expect(verdict({ decision: { kind: "refused", why } })).toEqual({
      kind: "settle",
      outcome: "refused",
      result: "refused",
      why,
      endsAttempt: true,
    });
    expect(verdict({ decision: undefined })).toMatchObject({ outcome: "refused" });
  });

  test("not sent if the plan did not say so, whatever is possible now", () => {
    const refused = { ...item, planned: "refuse", why: "late" } as const;
    expect(verdict({ item: refused })).toMatchObject({ outcome: "refused", why: "late" });
    const skipped = { ...item, planned: "skip", why: "its consumer will retry it" } as const;
    expect(verdict({ item: skipped })).toMatchObject({ outcome: "skipped", result: "left" });
    // The audit trail learns how its attempt before has ended.
    expect(verdict({ item: skipped, decision: { kind: "handled", why: "done" } })).toMatchObject({
      result: "handled",
    });
    expect(verdict({ item: refused, decision: { kind: "handled", why: "done" } })).toMatchObject({
      outcome: "skipped",
      result: "handled",
      endsAttempt: true,
    });
  });

  test("refused without an end to the attempt before, if only the plan or its quarantine refuses it", () => {
    const refused = { ...item, planned: "refuse", why: "quarantined" } as const;
    expect(verdict({ item: refused })).toMatchObject({ result: "refused", endsAttempt: false });
    expect(verdict({ replays: 3 })).toMatchObject({ result: "refused", endsAttempt: false });
  });

  test("refused if it was quarantined since, unless the plan is about it", () => {
    expect(verdict({ replays: 3 })).toMatchObject({
      outcome: "refused",
      why: expect.stringContaining("quarantined"),
    });
    expect(verdict({ replays: 3, allowsQuarantined: true })).toEqual(send);
  });

  test("only watched if an executor that died has put it back", () => {
    const claimed = { ...item, outcome: "in flight", written_at: "2026-11-29T11:00:00.000000Z" } as const;
    expect(verdict({ item: claimed })).toEqual({ kind: "watch", sent });
    // The saga may have moved on because of it.
    expect(verdict({ item: claimed, decision: { kind: "refused", why: "late" } })).toEqual({
      kind: "watch",
      sent,
    });
    // Retention had deleted it from the outbox, and now it is there.
    expect(verdict({ item: { ...claimed, written_at: null } })).toEqual({ kind: "watch", sent });
  });

  test("decided again if an executor that died had not put it back", () => {
    const claimed = { ...item, outcome: "in flight", written_at: sent.written_at } as const;
    expect(verdict({ item: claimed })).toEqual(send);
    expect(verdict({ item: claimed, decision: { kind: "refused", why: "late" } })).toMatchObject({
      outcome: "refused",
    });
    expect(verdict({ item: { ...claimed, written_at: null }, kept: undefined })).toEqual(send);
  });
});

test("an outcome that was not seen is a failure, a tombstone is none", () => {
  expect(outcomeOf("handled").outcome).toBe("sent");
  expect(outcomeOf("published").outcome).toBe("sent");
  expect(outcomeOf("refused").outcome).toBe("refused");
  for (const seen of ["retry pending", "dead-lettered", undefined] as const)
    expect(outcomeOf(seen).outcome).toBe("failed");
});

describe("after a batch a run", () => {
  const run = {
    generation: 1,
    rate_per_second: 10,
    max_error_rate: 0.1,
    batch_size: 2,
    pause_after: null,
    tested_count: 3,
    failed_count: 0,
  };
  const batch = { acted: 5, failed: 0, tookMs: 100, size: 5, isLast: false };

  test("goes on with the next size, and pauses for its rate", () => {
    expect(afterBatch(run, { state: "running", generation: 1 }, batch)).toEqual({
      state: "running",
      batch_size: 5,
      tested_count: 8,
      failed_count: 0,
      halted_because: null,
      pauseMs: 400,
    });
    expect(afterBatch(run, { state: "running", generation: 1 }, { ...batch, acted: 0 })).toMatchObject({
      batch_size: 2,
      pauseMs: 0,
    });
  });

  test("pauses itself above its error rate", () => {
    expect(afterBatch(run, { state: "running", generation: 1 }, { ...batch, failed: 1 })).toMatchObject({
      state: "paused",
      halted_because: "1 of 8 failed again, more than 10 %",
      batch_size: 0,
      tested_count: 0,
    });
  });

  test("pauses itself after as many messages as it was asked to", () => {
    const asked = { ...run, pause_after: 8 };
    const running = { state: "running", generation: 1 } as const;
    expect(afterBatch(asked, running, batch)).toMatchObject({
      state: "paused",
      halted_because: null,
      tested_count: 0,
    });
    expect(afterBatch(asked, running, { ...batch, acted: 4 })).toMatchObject({ state: "running" });
    expect(afterBatch(asked, running, { ...batch, isLast: true })).toMatchObject({ state: "done" });
    expect(afterBatch(asked, running, { ...batch, failed: 1 }).halted_because).not.toBeNull();
  });

  test("is done after the last item, even if that failed", () => {
    expect(
      afterBatch(run, { state: "running", generation: 1 }, { ...batch, failed: 5, isLast: true }),
    ).toMatchObject({
      state: "done",
    });
  });

  test("stays as an operator has left it meanwhile", () => {
    for (const state of ["paused", "stopped"] as const)
      expect(afterBatch(run, { state, generation: 2 }, { ...batch, isLast: true })).toMatchObject({
        state,
        batch_size: 0,
      });
  });

  test("begins again with one item if it was paused and resumed meanwhile", () => {
    const resumed = { state: "running", generation: 3 } as const;
    expect(afterBatch(run, resumed, { ...batch, failed: 5 })).toEqual({
      state: "running",
      batch_size: 0,
      tested_count: 0,
      failed_count: 0,
      halted_because: null,
      pauseMs: 0,
    });
    expect(afterBatch(run, resumed, { ...batch, isLast: true })).toMatchObject({ state: "done" });
  });
});

test("a run ends when it is done, stopped or halted by itself; a person's pause is no end", () => {
  const end = (before: RunState, after: RunState, halted_because: string | null = null) =>
    endOf({ state: before }, { state: after, halted_because });
  expect(end("running", "done")).toBe("done");
  expect(end("stopped", "stopped")).toBe("stopped");
  expect(end("running", "paused", "1 of 1 failed again")).toBe("halted");
  expect(end("running", "paused")).toBe("paused");
  expect(end("running", "running")).toBeNull();
  expect(end("paused", "paused")).toBeNull();
});

test("why a run ended: what halted it, or what it was asked for", () => {
  const nothing = { halted_because: null };
  expect(whyOf({ pause_after: 150 }, "paused", nothing)).toBe("after 150 messages, as it was asked to");
  expect(whyOf({ pause_after: 150 }, "halted", { halted_because: "1 of 1 failed" })).toBe("1 of 1 failed");
  expect(whyOf({ pause_after: null }, "done", nothing)).toBeNull();
});
