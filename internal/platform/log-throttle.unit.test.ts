// One line per second and kind, and every error is counted.
import { expect, test } from "bun:test";
import { AppError } from "../kernel/errors.ts";
import { logThrottled } from "./log-throttle.ts";

test("many errors of one kind become one line per second with a suppressed count", () => {
  let now = 0;
  const lines: [object, string][] = [];
  const logError = logThrottled(
    { error: (fields: object, message: string) => void lines.push([fields, message]) },
    { now: () => now },
  );
  const away = new AppError("SERVICE_UNAVAILABLE", "nobody answers");
  for (now = 0; now < 2_500; now += 10) logError(away, { path: "/x" }, "a request failed");
  expect(lines.map(([, message]) => message)).toEqual(
    Array<string>(3).fill("a request failed: nobody answers"),
  );
  expect(lines.map(([fields]) => fields)).toEqual([
    { err: away, path: "/x" },
    { err: away, path: "/x", suppressed: 99 },
    { err: away, path: "/x", suppressed: 99 },
  ]);
  // A line is also logged after the clock went back.
  now = 0;
  logError(away, {}, "a request failed");
  expect(lines).toHaveLength(4);
  // Another kind is not suppressed.
  const bug = new TypeError("no such thing");
  logError(bug, {}, "a request failed");
  expect(lines.at(-1)).toEqual([{ err: bug }, "a request failed: no such thing"]);
});
