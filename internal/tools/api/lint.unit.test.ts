// The OpenAPI document is clean under Redocly's strict rules.
import { expect, test } from "bun:test";
import { lintDocument, ourDocument } from "./lint.ts";

test("the linter finds nothing", async () => {
  const { isClean, output } = await lintDocument(ourDocument());
  expect(isClean, output).toBe(true);
});

test("the linter finds a fault", async () => {
  const { isClean, output } = await lintDocument({ ...ourDocument(), paths: { "/x": { get: {} } } });
  expect([isClean, output.includes("operation-summary")]).toEqual([false, true]);
});
