// The checked-in snapshot is current, no contract has a breaking change, and the check finds each kind of break.
import { describe, expect, test } from "bun:test";
import { Type } from "@sinclair/typebox";
import { breakingChanges, breakingChangesOfAll, type Schema } from "./compatibility.ts";
import { currentSnapshot, SNAPSHOT_FILE } from "./snapshot.ts";

describe("the contracts", () => {
  test("are compatible with the checked-in snapshot", async () => {
    const before = await Bun.file(SNAPSHOT_FILE).json();
    expect(breakingChangesOfAll(before, currentSnapshot())).toEqual([]);
  });

  test("match snapshot.json (otherwise run bun schemas/write-snapshot.ts)", async () => {
    expect(await Bun.file(SNAPSHOT_FILE).json()).toEqual(currentSnapshot());
  });
});

const field = Type.String({ minLength: 1, maxLength: 10, pattern: "^a" });
const base = Type.Object({ name: field, size: Type.Optional(Type.Integer({ minimum: 0, maximum: 5 })) });
const colours = (...names: string[]) => Type.Union(names.map((name) => Type.Literal(name)));

describe("a change that breaks", () => {
  const cases = {
    "a removed field": [base, Type.Object({ name: field }), "m.size", "was removed"],
    "a newly required field": [
      base,
      Type.Object({ ...base.properties, extra: Type.String() }),
      "m.extra",
      "is newly required",
    ],
    "an optional field that becomes required": [
      base,
      Type.Object({ name: field, size: Type.Integer({ minimum: 0, maximum: 5 }) }),
      "m.size",
      "is newly required",
    ],
    "a required field that becomes optional": [
      base,
      Type.Object({ ...base.properties, name: Type.Optional(field) }),
      "m.name",
      "was always there and is now optional",
    ],
    "another type": [
      Type.Object({ a: Type.Integer() }),
      Type.Object({ a: Type.String() }),
      "m.a",
      "its type changed from integer to string",
    ],
    "number narrowed to integer": [
      Type.Number(),
      Type.Integer(),
      "m",
      "its type changed from number to integer",
    ],
    "anything narrowed to something": [
      Type.Unknown(),
      Type.String(),
      "m",
      "its type changed from anything to string",
    ],
    "a raised minimum": [
      Type.Integer({ minimum: 1 }),
      Type.Integer({ minimum: 2 }),
      "m",
      "minimum was 1 and is 2",
    ],
    "a new maximum": [Type.Integer(), Type.Integer({ maximum: 9 }), "m", "maximum was not limited and is 9"],
    "a lowered length": [
      Type.String({ maxLength: 9 }),
      Type.String({ maxLength: 8 }),
      "m",
      "maxLength was 9 and is 8",
    ],
    "fewer items": [
      Type.Array(Type.String(), { maxItems: 9 }),
      Type.Array(Type.String(), { maxItems: 8 }),
      "m",
      "maxItems was 9 and is 8",
    ],
    "narrower items": [
      Type.Array(Type.String()),
      Type.Array(Type.String({ minLength: 1 })),
      "m[]",
      "minLength was not limited and is 1",
    ],
    "another pattern": [
      Type.String({ pattern: "^a" }),
      Type.String({ pattern: "^b" }),
      "m",
      "pattern was added or changed",
    ],
    "a new pattern": [Type.String(), Type.String({ pattern: "^b" }), "m", "pattern was added or changed"],
    "a value removed from an enum": [
      colours("red", "blue"),
      colours("red", "green"),
      "m",
      '"blue" is no longer accepted',
    ],
    "an enum narrowed to one value": [
      colours("red", "blue"),
      Type.Literal("red"),
      "m",
      'only "red" is accepted, not "blue"',
    ],
    "null no longer allowed": [
      Type.Union([Type.String(), Type.Null()]),
      Type.String(),
      "m",
      "its type changed from null to string",
    ],
    "another constant": [Type.Literal("a"), Type.Literal("b"), "m", 'only "b" is accepted, not "a"'],
    "a strict object": [
      base,
      Type.Object(base.properties, { additionalProperties: false }),
      "m",
      "unknown fields are no longer accepted",
    ],
    "a keyword the check does not know": [
      Type.Array(Type.String()),
      Type.Array(Type.String(), { uniqueItems: true }),
      "m",
      "uniqueItems was added or changed",
    ],
  } as const;

  for (const [name, [before, after, path, reason]] of Object.entries(cases)) {
    test(name, () => {
      expect(breakingChanges(plain(before), plain(after), "m")).toEqual([{ path, reason }]);
    });
  }

  test("a removed contract", () => {
    expect(breakingChangesOfAll({ m: plain(base) }, {})).toEqual([{ path: "m", reason: "was removed" }]);
  });
});

describe("a change that does not break", () => {
  const cases = {
    nothing: [base, base],
    "a new optional field": [base, Type.Object({ ...base.properties, extra: Type.Optional(Type.String()) })],
    "wider limits": [
      base,
      Type.Object({
        name: Type.String({ maxLength: 11, pattern: "^a" }),
        size: Type.Optional(Type.Integer({ minimum: -1 })),
      }),
    ],
    "integer widened to number": [Type.Integer({ minimum: 0 }), Type.Number({ minimum: 0 })],
    "one more value in an enum": [colours("red"), colours("red", "blue")],
    "a value widened to a union": [Type.String({ maxLength: 3 }), Type.Union([Type.Null(), Type.String()])],
    "a description": [Type.String(), Type.String({ description: "a clearer text" })],
  } as const;

  for (const [name, [before, after]] of Object.entries(cases)) {
    test(name, () => {
      expect(breakingChanges(plain(before), plain(after), "m")).toEqual([]);
    });
  }

  test("a field that becomes optional in a body that only we read", () => {
    const before = plain(base);
    const after = plain(Type.Partial(base));
    expect(
      breakingChangesOfAll({ "http CheckoutRequest": before }, { "http CheckoutRequest": after }),
    ).toEqual([]);
    expect(breakingChangesOfAll({ m: before }, { m: after })).toMatchObject([{ path: "m.name" }]);
  });

  test("a new contract", () => {
    expect(breakingChangesOfAll({}, { m: plain(base) })).toEqual([]);
  });
});

function plain(schema: unknown): Schema {
  const parsed: Schema = JSON.parse(JSON.stringify(schema));
  return parsed;
}
