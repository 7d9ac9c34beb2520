import { expect, test } from "bun:test";
import { isShortOf, readShortId, shortId } from "./short-id.ts";

const ID = "019ace50-3f2a-7000-9000-0000000001a7";

test("what a page shows is read again, however the dots are typed, and names its id and no other", () => {
  expect(shortId(ID)).toBe("019ace50-3f2a…01a7");
  for (const text of [shortId(ID), " 019ACE50-3F2A...01A7\n", "019ace50-3f2a..01a7"]) {
    const short = readShortId(text);
    if (short === null) throw new Error(`${text} is not read`);
    const others = ["019ace50-3f2a-7000-9000-0000000001a8", "019ace50-3f2b-7000-9000-0000000001a7"];
    expect([ID, ...others].map((id) => isShortOf(short, id))).toEqual([true, false, false]);
  }
});

test("what is no UUID is shown by its end, which is no short id", () => {
  expect(["tea-1", `${ID}:charge`].map(shortId)).toEqual(["tea-1", "…001a7:charge"]);
  for (const text of [ID, "…0000000001a7", "019ace50-3f2a", "019ace50-3f2a.01a7", ""])
    expect(readShortId(text)).toBeNull();
});
