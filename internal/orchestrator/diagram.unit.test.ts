// docs/saga.md is what the saga table says, today.
import { expect, test } from "bun:test";
import { sagaDocument } from "./diagram.ts";

test("docs/saga.md is fresh; `bun run diagram` writes it", async () => {
  expect(await Bun.file(`${import.meta.dir}/../../docs/saga.md`).text()).toBe(sagaDocument());
});
