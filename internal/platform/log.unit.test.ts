import { expect, test } from "bun:test";
import { AppError } from "../kernel/errors.ts";
import { createLogger } from "./log.ts";

function capture() {
  const lines: Record<string, unknown>[] = [];
  const destination = { write: (line: string) => lines.push(JSON.parse(line)) };
  return {
    lines,
    log: createLogger({ role: "checkout-test", version: "1.2.3", level: "info", destination }),
  };
}

test("a line is JSON with time, level, role and version; lower levels are left out", () => {
  const { lines, log } = capture();
  log.debug("no");
  log.info({ saga_id: "s1" }, "yes");
  expect(lines).toEqual([
    {
      level: "info",
      time: expect.any(String),
      role: "checkout-test",
      version: "1.2.3",
      saga_id: "s1",
      msg: "yes",
    },
  ]);
});

test("an error is logged with its chain of causes, without the driver's parameters", () => {
  const { lines, log } = capture();
  const cause = Object.assign(new Error("refused"), { code: "ECONNREFUSED", parameters: ["4242"] });
  log.error({ err: new AppError("DATABASE_UNAVAILABLE", "transaction failed", { cause }) }, "batch failed");
  expect(lines[0]?.["err"]).toEqual({
    type: "AppError",
    message: "transaction failed",
    code: "DATABASE_UNAVAILABLE",
    cause: {
      type: "Error",
      message: "refused",
      code: "ECONNREFUSED",
      stack: expect.stringContaining("refused"),
    },
  });
  expect(JSON.stringify(lines)).not.toContain("4242");
});

test("a secret in a log line is redacted", () => {
  const { lines, log } = capture();
  log.info({ token: "t0p", request: { authorization: "Bearer t0p", path: "/x" } }, "request");
  expect(JSON.stringify(lines)).not.toContain("t0p");
  expect(lines[0]?.["request"]).toEqual({ authorization: "[redacted]", path: "/x" });
});
