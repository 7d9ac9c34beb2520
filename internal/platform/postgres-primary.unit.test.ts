// Which host is the primary.
import { expect, test } from "bun:test";
import { choosePrimary, type HostAnswer, type HostState, type Seen } from "./postgres-primary.ts";

const NOTHING_SEEN: Seen = new Map();
const standby: HostState = { kind: "standby" };
const away: HostState = { kind: "away", why: "connect ECONNREFUSED" };
const unknown: HostState = { kind: "unknown" };
const primary = (timeline: number, rest: { system?: string; server?: string } = {}): HostState => ({
  kind: "primary",
  timeline,
  system: "7",
  server: `started with ${timeline}`,
  ...rest,
});
const answers = (...states: readonly HostState[]): readonly HostAnswer[] =>
  states.map((state, index) => ({ name: `db${index + 1}:5432`, state }));

test.each([
  ["the only one", answers(standby, primary(1)), 1],
  ["beside one that is away", answers(away, primary(2)), 1],
  ["beside one that has not answered", answers(primary(1), unknown), 0],
  ["the one that was promoted later", answers(primary(1), primary(2)), 1],
  ["under two names", answers(primary(1), primary(1)), 0],
] as const)("the primary: %s", (_, given, expected) => {
  expect(choosePrimary(given, NOTHING_SEEN, false)).toBe(expected);
});

test("without a primary the error says of every host what it is", () => {
  expect(() => choosePrimary(answers(standby, away), NOTHING_SEEN, false)).toThrow(
    "no host is the primary: db1:5432 is a standby, which cannot write; db2:5432 does not answer (connect ECONNREFUSED)",
  );
});

test("whoever only reads takes a standby where there is no primary", () => {
  expect(choosePrimary(answers(away, standby), NOTHING_SEEN, true)).toBe(1);
  expect(choosePrimary(answers(standby, primary(1)), NOTHING_SEEN, true)).toBe(1);
});

test("two primaries of one timeline, or of two systems, are none", () => {
  const [one, other] = [primary(3, { server: "a" }), primary(3, { server: "b" })];
  expect(() => choosePrimary(answers(one, other), NOTHING_SEEN, false)).toThrow(
    "both primaries of timeline 3",
  );
  const foreign = primary(1, { system: "8" });
  expect(() => choosePrimary(answers(primary(3), foreign), NOTHING_SEEN, false)).toThrow(
    "primaries of different databases",
  );
});

test("a primary that was replaced is not used again, one of another system is", () => {
  const seen: Seen = new Map([["7", { timeline: 2, name: "db2:5432" }]]);
  expect(() => choosePrimary(answers(primary(1), away), seen, false)).toThrow(
    "db1:5432 is a primary of timeline 1, which was replaced: db2:5432 was promoted to timeline 2",
  );
  expect(choosePrimary(answers(primary(2), away), seen, false)).toBe(0);
  expect(choosePrimary(answers(primary(1, { system: "8" }), away), seen, false)).toBe(0);
});
