// docs/saga.md and the graph of the console match the saga table.
import { expect, test } from "bun:test";
import { sagaDocument, sagaGraphFile } from "./diagram.ts";

test.each([
  ["docs/saga.md", sagaDocument()],
  ["internal/console/parts/saga-graph.json", sagaGraphFile()],
])("%s is up to date; `bun run diagram` writes it", async (path, content) => {
  expect(await Bun.file(`${import.meta.dir}/../../${path}`).text()).toBe(content);
});
