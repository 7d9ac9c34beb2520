// Which host is the primary.
import { expect, test } from "bun:test";
import { choosePrimary, type HostAnswer, type HostState, type Seen, seenWith } from "./postgres-primary.ts";

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
  const seen: Seen = new Map([["7", { timeline: 2, names: ["db2:5432"] }]]);
  expect(() => choosePrimary(answers(primary(1), away), seen, false)).toThrow(
    "db1:5432 is a primary of timeline 1, which was replaced: db2:5432 was promoted to timeline 2",
  );
  expect(choosePrimary(answers(away, primary(2)), seen, false)).toBe(1);
  expect(choosePrimary(answers(primary(1, { system: "8" }), away), seen, false)).toBe(0);
});

test("of two standbys that were promoted to the same timeline, the one that a role has not used is refused", () => {
  const [two, three] = [primary(2, { server: "two" }), primary(2, { server: "three" })];
  const found = answers(away, two, away);
  const seen = seenWith(NOTHING_SEEN, found, choosePrimary(found, NOTHING_SEEN, false));
  expect(() => choosePrimary(answers(away, away, three), seen, false)).toThrow(
    "db3:5432 is a primary of timeline 2, and so was db2:5432, which this role has used: one of two standbys that were promoted. " +
      "Start that one; or, if db3:5432 is the one to keep, restart this role",
  );
  expect(() => choosePrimary(answers(away, two, three), seen, false)).toThrow(
    "db2:5432 and db3:5432 are both primaries of timeline 2, so neither is the later one: stop the one that must not be used",
  );
  // A later promotion decides.
  expect(choosePrimary(answers(away, away, primary(3)), seen, false)).toBe(2);
});

test("a primary that was started anew is used again, under each of its names", () => {
  const found = answers(primary(2, { server: "first start" }), away, primary(2, { server: "first start" }));
  const seen = seenWith(NOTHING_SEEN, found, choosePrimary(found, NOTHING_SEEN, false));
  const again = primary(2, { server: "second start" });
  expect(choosePrimary(answers(away, away, again), seen, false)).toBe(2);
  // A name that is found beside a known one is known too.
  const both = answers(again, again, away);
  const more = seenWith(seen, both, choosePrimary(both, seen, false));
  expect(choosePrimary(answers(away, primary(2, { server: "third start" }), away), more, false)).toBe(1);
});

test("a standby that only a tool reads is nothing that was seen", () => {
  expect(seenWith(NOTHING_SEEN, answers(standby), 0)).toBe(NOTHING_SEEN);
});
