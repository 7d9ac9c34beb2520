// What a search that finds nothing leads to.
import { expect, test } from "bun:test";
import { render } from "preact-render-to-string";
import { consoleOptions, OPERATOR, signedInAs, VIEWER } from "../testkit/console.ts";
import { Found } from "./pages/find.tsx";

async function nothingFor(actor = OPERATOR): Promise<string> {
  const frame = await signedInAs(actor, consoleOptions());
  return render(Found({ frame, text: "Ada Lovelace", found: { hits: [], missing: [] } }));
}

test("a name that nothing has leads to the search by e-mail and to that by product", async () => {
  const html = await nothingFor();
  expect(html).toContain("name, address and city are not searched");
  expect(html).toContain('action="/shoppers/find"');
  expect(html).toContain('href="/sagas?product=Ada+Lovelace"');
});

test("a viewer sees that it is there, and why not for them", async () => {
  const html = await nothingFor(VIEWER);
  expect(html).not.toContain('action="/shoppers/find"');
  expect(html).toContain('aria-describedby="find-shopper-why"');
});
