// Who reads what, from the rows of the native side.
import { expect, test } from "bun:test";
import { membersIn } from "./group-members.ts";

const row = (member: string, instance: string, place: readonly [string, string]) => [
  "order",
  "Stable",
  member,
  "order",
  instance,
  "/10.0.0.7",
  ...place,
];

test("each partition has its member; instances are named if they have a name", () => {
  const members = membersIn([
    row("order-1", "a", ["checkout-commands", "0"]),
    row("order-2", "", ["checkout-commands", "1"]),
    row("order-3", "c", ["", ""]),
  ]);
  expect([members.state, members.unknown]).toEqual(["Stable", null]);
  expect(members.readerOf("checkout-commands", 0)).toEqual({
    id: "order-1",
    instance: "a",
    host: "10.0.0.7",
  });
  expect(members.readerOf("checkout-commands", 1)).toMatchObject({ id: "order-2", instance: null });
  expect(members.readerOf("checkout-commands", 2)).toBeNull();
  expect(members.readerOf("order-events", 0)).toBeNull();
});

test("a group without members, and no group at all", () => {
  const empty = membersIn([["order", "Empty", "", "", "", "", "", ""]]);
  expect([empty.state, empty.unknown, empty.readerOf("", 0)]).toEqual(["Empty", null, null]);
  expect(membersIn([])).toMatchObject({ state: null, unknown: "Kafka does not know this group" });
});
