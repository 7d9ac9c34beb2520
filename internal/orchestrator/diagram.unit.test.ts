// docs/saga.md matches the saga table.
import { expect, test } from "bun:test";
import { sagaDocument } from "./diagram.ts";

test("docs/saga.md is up to date; `bun run diagram` writes it", async () => {
  expect(await Bun.file(`${import.meta.dir}/../../docs/saga.md`).text()).toBe(sagaDocument());
});
