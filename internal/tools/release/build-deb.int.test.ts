// Debian packages are made the same byte for byte. Needs dpkg-deb, as on any Debian.
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildDeb } from "./build-deb.ts";
import { debianPackages, type ReleaseContents } from "./debian.ts";

const folder = mkdtempSync(join(tmpdir(), "deb-"));
afterAll(() => rmSync(folder, { recursive: true }));

const contents: ReleaseContents = {
  version: "1.2.3",
  maintainer: "Somebody <somebody@shop.example>",
  committedAt: 1_767_323_045,
  folder,
  docs: { "deploy.md": "# Deploy\n" },
  license: "MIT License\n\nCopyright (c) 2026 somebody\n\nPermission\n",
};

test("dpkg-deb makes the same bytes twice, in different folders and at different times", async () => {
  const one = debianPackages(contents).find(({ name }) => name === "checkout-common");
  if (one === undefined) throw new Error("no package checkout-common");
  const targets = ["a-", "b-"].map((name) => mkdtempSync(join(folder, name)));
  const files = targets.map((target) => join(target, buildDeb(one, contents, target, join(target, "work"))));
  const [first, second] = await Promise.all(files.map((file) => Bun.file(file).bytes()));
  expect(Buffer.from(first ?? []).equals(Buffer.from(second ?? []))).toBe(true);
  const listing = Bun.spawnSync(["dpkg-deb", "--contents", files[0] ?? ""], {
    env: { PATH: process.env["PATH"] ?? "", TZ: "UTC" },
  });
  const times = listing.stdout.toString();
  expect(times).toMatch(/^-rw-r----- root\/root +\d+ 2026-01-02 03:04 \.\/etc\/checkout\/common\.env$/m);
  expect(times).toMatch(/^drwx------ root\/root +0 2026-01-02 03:04 \.\/etc\/checkout\/secrets\/$/m);
});
