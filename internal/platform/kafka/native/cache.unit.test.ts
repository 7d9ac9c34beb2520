// The keys of the cache of built addons.
import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { contentHash } from "./cache.ts";

const folder = mkdtempSync(join(tmpdir(), "native-cache-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("a library with other content makes another key; one at another place does not", () => {
  const here = join(folder, "libssl.a");
  const elsewhere = join(folder, "other", "libssl.a");
  mkdirSync(join(folder, "other"));
  writeFileSync(here, "version 3.0.17");
  writeFileSync(elsewhere, "version 3.0.17");
  const before = contentHash([here]);
  expect(contentHash([elsewhere])).toBe(before);
  // Same length, as after a security update.
  writeFileSync(here, "version 3.0.18");
  expect(contentHash([here])).not.toBe(before);
});
