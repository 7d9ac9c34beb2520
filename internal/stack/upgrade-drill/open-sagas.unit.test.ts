// A saga that was in progress ends on its table.
import { expect, test } from "bun:test";
import { endFaults, type OpenSaga, summaryOf } from "./open-sagas.ts";

const first: OpenSaga = { saga_id: "a", table_version: 1, waits: true };
const second: OpenSaga = { saga_id: "b", table_version: 2, waits: false };
const ended = (saga: OpenSaga, ...steps: readonly string[]) => ({ ...saga, has_ended: true, steps });

test("each ends by the steps of its table", () => {
  const ends = [ended(first, "reserve", "charge", "order"), ended(second, "reserve", "authorize", "capture")];
  expect(endFaults([first, second], ends)).toEqual([]);
});

test("one that is gone, still in progress, on another table, or took a step of the other one", () => {
  expect(endFaults([first], [])).toEqual(["saga a is gone"]);
  expect(endFaults([first], [{ ...ended(first, "charge"), has_ended: false }])).toEqual([
    "saga a was in progress, and has not ended",
  ]);
  expect(endFaults([first], [{ ...ended(first, "reserve", "authorize"), table_version: 2 }])).toEqual([
    "saga a began on table 1, and is on table 2",
    "saga a of table 1 took the step authorize",
  ]);
  expect(endFaults([second], [ended(second, "charge")])).toEqual(["saga b of table 2 took the step charge"]);
});

test("the summary counts them by table", () => {
  expect(summaryOf([second, first, { ...first, saga_id: "c", waits: false }])).toBe(
    "2 of table 1 (1 waited for their shopper), 1 of table 2 (0 waited for their shopper)",
  );
});
