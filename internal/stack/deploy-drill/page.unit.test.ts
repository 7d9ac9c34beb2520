// How the drill finds its commands in docs/deploy.md.
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { REPOSITORY } from "../paths.ts";
import { blocksUnder, blockWith, changed } from "./page.ts";

const PAGE =
  "# Page\n\n## 1. One\n\n```sh\na\nb\n```\n\n## Two\n\n1. Text:\n\n   ```sh\n   c {\n     d\n   }\n   ```\n\n```sh\ne\n```\n";

test("blocks come in their order, without the indent of a list", () => {
  expect(blocksUnder(PAGE, "1. One")).toEqual(["a\nb\n"]);
  expect(blocksUnder(PAGE, "Two")).toEqual(["c {\n  d\n}\n", "e\n"]);
});

test("a heading without commands, and words that are in no block or in two, are errors", () => {
  expect(() => blocksUnder(PAGE, "Three")).toThrow("Three");
  expect(() => blockWith(["a", "b"], "c")).toThrow("no block with c");
  expect(() => blockWith(["a1", "a2"], "a")).toThrow("more than one block with a");
  expect(() => changed("a", "b", "c")).toThrow("no longer says: b");
});

test("the page has what the drill types", () => {
  const page = readFileSync(join(REPOSITORY, "docs/deploy.md"), "utf8");
  const three = blocksUnder(page, "Three machines");
  for (const words of ["KAFKA_BROKERS=a:9092", "WEBHOOK_URL", "tar -C", "here=10.0.0.1"])
    expect(blockWith(three, words)).toContain(words);
  for (const [heading, count] of [
    ["1. Install", 1],
    ["2. Databases", 1],
    ["3. Secrets", 5],
    ["4. Schema", 1],
    ["5. Start", 1],
    ["6. A first", 1],
  ] as const)
    expect([heading, blocksUnder(page, heading).length]).toEqual([heading, count]);
});
