// Every row is read once, and the end is noticed with and without a last page that is not full.
import { expect, test } from "bun:test";
import { keysetPages } from "./keyset-pages.ts";

test.each([
  [0, [], 1],
  [3, [2, 1], 2],
  [4, [2, 2], 3],
])("%i rows in pages of two", async (count, lengths, reads) => {
  const rows = Array.from({ length: count }, (_, i) => `id-${i}`);
  let asked = 0;
  const read = async (after: string) => {
    asked += 1;
    return rows.filter((id) => id > after).slice(0, 2);
  };
  const pages = await Array.fromAsync(keysetPages(read, (id) => id, 2));
  expect([pages.map(({ length }) => length), pages.flat(), asked]).toEqual([lengths, rows, reads]);
});
