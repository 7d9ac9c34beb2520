import { expect, test } from "bun:test";
import { wordPatterns } from "./saga-search-products-store.ts";

test("each word is a pattern of its own, in both cases, in which nothing but letters has a meaning", () => {
  expect(wordPatterns(" Tee  2kg ")).toEqual(["[Tt][eE][eE]", "2[kK][gG]"]);
  expect(wordPatterns("a.b*")).toEqual(["[aA]\\.[bB]\\*"]);
  // Letters beyond ASCII, one that is written in two code points, one whose capital is two letters, and one beyond 16 bits.
  expect(wordPatterns("Ä a\u0308 ß \u{1f375}")).toEqual(["[Ää]", "[äÄ]", "ß", "\u{1f375}"]);
});
