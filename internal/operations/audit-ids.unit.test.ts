// How a text is cut into ids.
import { expect, test } from "bun:test";
import { orderNumberOf } from "../kernel/order-number.ts";
import { sagaId } from "../testkit/console.ts";
import { splitIds } from "./audit-ids.ts";

test("ids are separated by commas or blanks, and each is taken once", () => {
  const number = orderNumberOf(sagaId(7));
  expect(splitIds(`${sagaId(1)}, ${number}\n${sagaId(2)} ;${sagaId(1)},`)).toEqual([
    sagaId(1),
    number,
    sagaId(2),
  ]);
  expect(splitIds(" ")).toEqual([]);
});

test("an order number that was read out with blanks is one id", () => {
  const spaced = orderNumberOf(sagaId(7)).replaceAll("-", " ");
  expect(splitIds(` ${spaced} `)).toEqual([spaced]);
  expect(splitIds(`${spaced}, ${sagaId(1)} ${sagaId(2)}`)).toEqual([spaced, sagaId(1), sagaId(2)]);
});
