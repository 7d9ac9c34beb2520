// The mix of checkouts in a chaos run.
import { expect, test } from "bun:test";
import { seeded } from "../../internal/kernel/random.ts";
import { ANSWERS } from "./bank-visit.ts";
import { CASES, drawByShare } from "./cases.ts";
import { providerOf } from "./providers.ts";

test("the shares add up to 1: a tenth with a bank that asks, a fifth with PayPal, in every way that it can end", () => {
  const sum = (cases: typeof CASES) => cases.reduce((all, { share }) => all + share, 0);
  const asked = CASES.filter(({ answer }) => answer !== undefined);
  const atPayPal = CASES.filter(({ method }) => providerOf(method) === "paypal");
  const byCard = asked.filter((one) => !atPayPal.includes(one));
  expect(sum(CASES)).toBeCloseTo(1);
  expect(sum(byCard)).toBeCloseTo(0.1);
  expect(sum(atPayPal)).toBeCloseTo(0.2);
  for (const cases of [byCard, atPayPal])
    expect(new Set(cases.map(({ answer }) => answer))).toEqual(new Set(ANSWERS));
});

test("each item is drawn as often as its share says", () => {
  const random = seeded(7);
  const items = [{ share: 0.5 }, { share: 0.3 }, { share: 0.2 }];
  const drawn = Array.from({ length: 10_000 }, () => drawByShare(items, random()));
  for (const one of items)
    expect(drawn.filter((other) => other === one).length / drawn.length).toBeCloseTo(one.share, 1);
});

test("of some items, each is drawn by its part of their shares", () => {
  const [first, second] = [{ share: 0.5 }, { share: 0.25 }];
  expect(drawByShare([first, second], 0.66)).toBe(first);
  expect(drawByShare([first, second], 0.67)).toBe(second);
});

test("rounding of the shares leaves no draw without an item", () => {
  const items = Array.from({ length: 10 }, () => ({ share: 0.1 }));
  expect(drawByShare(items, 1 - Number.EPSILON)).toBe(items.at(-1) ?? { share: 0 });
});
