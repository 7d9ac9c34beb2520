// The units are fresh and have every role. units.int.test.ts asks systemd what they expose.
import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { REPOSITORY } from "../../stack/paths.ts";
import { ROLES } from "../../stack/role-env.ts";
import { PACKAGED_ROLES } from "./packaged-roles.ts";
import { unitExamples } from "./unit-examples.ts";
import { unitFiles } from "./units.ts";

const FOLDER = join(REPOSITORY, "deploy/systemd");
const units = Object.entries(unitFiles()).filter(([name]) => name.endsWith(".service"));

test("deploy/systemd/ is fresh; `bun run references` writes it", async () => {
  expect(readdirSync(FOLDER).toSorted()).toEqual(Object.keys(unitFiles()).toSorted());
  for (const [name, text] of Object.entries(unitFiles()))
    expect(await Bun.file(join(FOLDER, name)).text()).toBe(text);
});

test("every role has a unit, a user of its own and its own secrets", () => {
  expect(PACKAGED_ROLES.map(({ role }) => role).toSorted()).toEqual([...ROLES].toSorted());
  for (const [name, text] of units) {
    const account = name.replace(".service", "");
    expect(text).toContain(`\nUser=${account}\n`);
    expect(text).toContain(`\nExecStart=/usr/bin/${account}\n`);
    expect(text).toContain(
      `\nLoadCredential=checkout:/etc/checkout/secrets/${account.replace("checkout-", "")}\n`,
    );
  }
});

test("no unit sets what would switch the JIT off, or lets secrets into a core", () => {
  for (const [, text] of units) {
    expect(text).not.toMatch(/^MemoryDenyWriteExecute=/m);
    expect(text).toMatch(/^LimitCORE=0$/m);
  }
});

test("only roles with partners elsewhere may leave private networks", () => {
  const open = units.filter(([, text]) => !text.includes("\nIPAddressDeny=any\n"));
  expect(open.map(([name]) => name)).toEqual(
    ["gateway", "payment", "notification", "console"].map((role) => `checkout-${role}.service`),
  );
});

test("deploy/systemd-examples/ is fresh; `bun run references` writes it", async () => {
  const folder = join(REPOSITORY, "deploy/systemd-examples");
  const files = await Array.fromAsync(new Bun.Glob("**/*").scan({ cwd: folder }));
  expect(files.toSorted()).toEqual(Object.keys(unitExamples()).toSorted());
  for (const [path, text] of Object.entries(unitExamples()))
    expect(await Bun.file(join(folder, path)).text()).toBe(text);
});

test("an example is for a unit that has no rules of addresses itself", () => {
  for (const path of Object.keys(unitExamples())) {
    const [, unit = ""] = /^(.*)\.d\/addresses\.conf$/.exec(path) ?? [];
    expect(unitFiles()[unit]).not.toContain("IPAddress");
  }
});
