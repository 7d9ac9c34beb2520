// A client without a broker says so many times a second.
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

test("of many alike within a second one is logged, and the next says how many were left out", () => {
  const fields = { kafka_client: "the relay's producer", event: "FAIL" };
  expect(logged([0, 10, 20, 1_000])).toEqual([
    { fields, message: "at 0" },
    { fields: { ...fields, suppressed: 2 }, message: "at 1000" },
  ]);
});

test("a clock that is set back silences nothing", () => {
  expect(logged([5_000, 1_000]).map(({ message }) => message)).toEqual(["at 5000", "at 1000"]);
});

test("what is no trouble is left out", () => {
  expect(logged([0], "info")).toEqual([]);
});
