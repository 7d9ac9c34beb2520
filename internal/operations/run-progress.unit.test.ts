// The words for a run's progress.
import { expect, test } from "bun:test";
import { mayFailText, outcomeText, progressText, REPUBLISHED } from "./run-progress.ts";

const run = {
  totals: { acts: 2, units: 40, skipped: 1, refused: 0, money: [] },
  units_done: 12,
  counts: { sent: 1, discarded: 0, skipped: 1, refused: 0, failed: 0, in_flight: 0, not_reached: 1 },
  max_error_rate: 0.1,
} as const;

test("a run of dead letters counts its items, and some may fail", () => {
  const replay = { ...run, kind: "dead-letter.replay" } as const;
  expect(progressText(replay)).toBe("1 sent, 0 failed, 0 refused, 1 skipped, 1 left");
  expect(mayFailText(replay)).toBe("at most 10 % may fail");
});

test("what a run has sent is sent, and what it has discarded is discarded", () => {
  const counts = { ...run.counts, sent: 0, discarded: 4 };
  expect(progressText({ ...run, counts, kind: "dead-letter.discard" })).toStartWith("4 discarded, 0 failed");
});

test("a run of outboxes counts messages, and nobody looks whether they fail", () => {
  const republish = { ...run, kind: "outbox.republish" } as const;
  expect(progressText(republish)).toBe("12 of 40 messages sent");
  expect(mayFailText(republish)).toBeNull();
});

test("an item's result is said beside its outcome, unless it is that an outbox is sent", () => {
  expect(outcomeText({ outcome: "failed", result: "no answer" })).toBe("failed: no answer");
  expect(outcomeText({ outcome: "sent", result: REPUBLISHED })).toBe("sent");
  expect(outcomeText({ outcome: "in flight", result: null })).toBe("in flight");
  expect(outcomeText({ outcome: null, result: null })).toBeNull();
});
