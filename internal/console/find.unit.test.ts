// What a search that finds nothing leads to.
import { expect, test } from "bun:test";
import { render } from "preact-render-to-string";
import { consoleOptions, OPERATOR, sagaId, signedInAs, VIEWER } from "../testkit/console.ts";
import type { WordsFound } from "../operations/find-words.ts";
import { Found, hrefOf } from "./pages/find.tsx";

async function nothingFor(actor = OPERATOR, words: WordsFound | null = null): Promise<string> {
  const frame = await signedInAs(actor, consoleOptions());
  return render(Found({ frame, text: "Kettle Graz", found: { hits: [], missing: [] }, words }));
}

test("a name that nothing has leads to the search by e-mail, and to no search that finds nothing", async () => {
  const html = await nothingFor();
  expect(html).toContain("name, address and city are not searched");
  expect(html).toContain('action="/shoppers/find"');
  expect(html).not.toContain('href="/sagas?');
});

test("words of which only some name a product: which, with its page, and its sagas if there are any", async () => {
  const kettle = { sku_id: "kettle-1", name: "Kettle", also_called: null };
  const words = { matched: ["Kettle"], unmatched: ["Graz"], has_more: false };
  const html = await nothingFor(OPERATOR, { ...words, products: [{ ...kettle, has_sagas: true }] });
  expect(html).toContain(
    "Of “Kettle Graz”, “Kettle” is in the name of a product. None of those has “Graz” as well.",
  );
  expect(html).toContain('href="/stock/kettle-1"');
  expect(html).toContain('href="/sagas?sku=kettle-1"');
  const unsold = await nothingFor(OPERATOR, { ...words, products: [{ ...kettle, has_sagas: false }] });
  expect(unsold).not.toContain("/sagas?sku");
});

test("a viewer sees that it is there, and why not for them", async () => {
  const html = await nothingFor(VIEWER);
  expect(html).not.toContain('action="/shoppers/find"');
  expect(html).toContain('aria-describedby="find-shopper-why"');
});

test("a message leads to its saga, and that of a dead letter without a saga to the dead letter", () => {
  const message = { kind: "message", id: sagaId(1), what: "DeadLetter, sent" } as const;
  expect(hrefOf({ ...message, saga_id: sagaId(2) })).toBe(`/sagas/${sagaId(2)}#m-${sagaId(1)}`);
  expect(hrefOf({ ...message, saga_id: null })).toBe(`/dead-letters/${sagaId(1)}`);
});
