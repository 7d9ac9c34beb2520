// One line a second and kind, and none of the errors uncounted.
import { expect, test } from "bun:test";
import { AppError } from "../kernel/errors.ts";
import { logThrottled } from "./log-throttle.ts";

test("a storm of one kind is a line a second that says how many it stands for", () => {
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
  // Nor is one after the clock was set back.
  now = 0;
  logError(away, {}, "a request failed");
  expect(lines).toHaveLength(4);
  // A kind of its own is not lost in it.
  const bug = new TypeError("no such thing");
  logError(bug, {}, "a request failed");
  expect(lines.at(-1)).toEqual([{ err: bug }, "a request failed: no such thing"]);
});
