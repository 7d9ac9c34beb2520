// What systemd is told, and when.
import { expect, jest, test } from "bun:test";
import { beatMsOf, openServiceManager } from "./service-manager.ts";

const quiet = { warn: () => undefined };

function recording(env: Readonly<Record<string, string>> = {}) {
  const sent: string[] = [];
  const state = { isTaken: true };
  const open = () => (text: string) => {
    if (state.isTaken) sent.push(text);
    return state.isTaken;
  };
  const manager = openServiceManager(quiet, { NOTIFY_SOCKET: "/run/systemd/notify", ...env }, open);
  return { manager, sent, state };
}

test("without NOTIFY_SOCKET nothing is opened", () => {
  const open = () => {
    throw new Error("opened");
  };
  using manager = openServiceManager(quiet, {}, open);
  manager.ready();
});

test("a start is extended beat by beat until the role is ready; then only the watchdog is fed", () => {
  jest.useFakeTimers();
  try {
    const { manager, sent } = recording({ WATCHDOG_USEC: "30000000" });
    expect(sent).toEqual(["WATCHDOG=1\nEXTEND_TIMEOUT_USEC=30000000"]);
    manager.status("waiting for Postgres:\n  no answer");
    jest.advanceTimersByTime(10_000);
    manager.ready();
    jest.advanceTimersByTime(20_000);
    manager.stopping(20_000);
    expect(sent.slice(1)).toEqual([
      "STATUS=waiting for Postgres: no answer",
      "WATCHDOG=1\nEXTEND_TIMEOUT_USEC=30000000",
      "READY=1\nSTATUS=ready",
      "WATCHDOG=1",
      "WATCHDOG=1",
      "STOPPING=1\nSTATUS=finishing work in flight\nEXTEND_TIMEOUT_USEC=20000000",
    ]);
    manager[Symbol.dispose]();
    jest.advanceTimersByTime(60_000);
    expect(sent).toHaveLength(7);
  } finally {
    jest.useRealTimers();
  }
});

test("a state that is not taken is sent again at the next beat", () => {
  jest.useFakeTimers();
  try {
    const { manager, sent, state } = recording();
    state.isTaken = false;
    manager.ready();
    jest.advanceTimersByTime(10_000);
    state.isTaken = true;
    jest.advanceTimersByTime(10_000);
    expect(sent.slice(1)).toEqual(["READY=1\nSTATUS=ready", "WATCHDOG=1"]);
    manager[Symbol.dispose]();
  } finally {
    jest.useRealTimers();
  }
});

test("a socket that cannot be opened is a warning, not the end", () => {
  const warnings: unknown[] = [];
  const log = { warn: (...words: unknown[]) => void warnings.push(words) };
  using manager = openServiceManager(log, { NOTIFY_SOCKET: "vsock:2:1234" });
  manager.ready();
  expect(warnings).toHaveLength(1);
});

test.each([
  [{ WATCHDOG_USEC: "4000000" }, 2_000],
  [{ WATCHDOG_USEC: "60000000" }, 10_000],
  [{ WATCHDOG_USEC: "4000000", WATCHDOG_PID: String(process.pid) }, 2_000],
  [{ WATCHDOG_USEC: "4000000", WATCHDOG_PID: "1" }, 10_000],
  [{ WATCHDOG_USEC: "no number" }, 10_000],
  [{}, 10_000],
])("with %p a beat comes each %i ms", (env, beatMs) => {
  expect(beatMsOf(env)).toBe(beatMs);
});
