// The keys of the cache of built addons.
import { afterAll, afterEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { addonHash, builtAddon, contentHash, packageFolders } from "./cache.ts";

const folder = mkdtempSync(join(tmpdir(), "native-cache-"));
afterAll(() => rmSync(folder, { recursive: true }));

const cache = process.env["CHECKOUT_CACHE"];
afterEach(() => {
  if (cache === undefined) delete process.env["CHECKOUT_CACHE"];
  else process.env["CHECKOUT_CACHE"] = cache;
});

test("the newest addon of the sources is taken, and none that is still being built", () => {
  process.env["CHECKOUT_CACHE"] = folder;
  expect(builtAddon()).toBeUndefined();
  const build = (name: string, at: number) => {
    const path = join(folder, "kafka-native", `${addonHash(packageFolders())}-${name}`);
    mkdirSync(path, { recursive: true });
    utimesSync(path, at, at);
    return path;
  };
  build("a", 1_000);
  const newest = build("b", 2_000);
  build("c.building-1", 3_000);
  expect(builtAddon()).toBe(join(newest, "kafka.node"));
});

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
