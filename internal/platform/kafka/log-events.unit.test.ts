// A client without a broker emits many events a second; the log is throttled.
import { expect, test } from "bun:test";
import { logEvents } from "./log-events.ts";

function logged(times: readonly number[], level: "error" | "info" = "error") {
  const lines: { fields: object; message: string }[] = [];
  const warn = (fields: object, message: string) => void lines.push({ fields, message });
  let now = 0;
  const tell = logEvents({ warn }, "the relay's producer", { now: () => now });
  for (now of times) tell({ level, name: "FAIL", message: `at ${now}` });
  return lines;
}

test("one of many equal events in a second is logged; the next line has the suppressed count", () => {
  const fields = { kafka_client: "the relay's producer", event: "FAIL" };
  expect(logged([0, 10, 20, 1_000])).toEqual([
    { fields, message: "at 0" },
    { fields: { ...fields, suppressed: 2 }, message: "at 1000" },
  ]);
});

test("a clock that goes back suppresses nothing", () => {
  expect(logged([5_000, 1_000]).map(({ message }) => message)).toEqual(["at 5000", "at 1000"]);
});

test("info events are not logged", () => {
  expect(logged([0], "info")).toEqual([]);
});
