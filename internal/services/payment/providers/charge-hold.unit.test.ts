// New charges wait while the provider refuses our requests, and go on when it understands them again.
import { expect, test } from "bun:test";
import { ChargeHold } from "./charge-hold.ts";

test("refusals in a row hold new charges back; one is tried every ten seconds, and an understood one ends the hold", () => {
  const changes: boolean[] = [];
  const hold = new ChargeHold((isHeld) => changes.push(isHeld));
  hold.refused(0);
  hold.refused(10);
  expect(hold.newCharges(10)).toBe(Infinity);
  hold.refused(20);
  expect([hold.newCharges(21), hold.newCharges(10_019), hold.newCharges(10_020)]).toEqual([0, 0, 1]);
  hold.leave(10_020);
  hold.refused(10_050);
  expect([hold.newCharges(10_051), hold.newCharges(20_020)]).toEqual([0, 1]);
  hold.understood();
  expect([hold.newCharges(20_021), changes]).toEqual([Infinity, [true, false]]);
});

test("refusals between understood charges hold nothing back", () => {
  const hold = new ChargeHold(() => expect.unreachable());
  for (let time = 0; time < 20; time++) {
    hold.refused(time);
    hold.refused(time);
    hold.understood();
  }
  expect(hold.isHeld).toBe(false);
});
