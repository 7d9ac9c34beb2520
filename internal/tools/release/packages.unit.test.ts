// What the packages contain: settings, secrets, scripts, control fields, versions, sums.
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { misspeltSettings } from "../../platform/misspelt.ts";
import { ROLES } from "../../stack/role-env.ts";
import { CONFIGS } from "../references.ts";
import { settingsOf } from "../../platform/config.ts";
import { controlOf, debianPackages, type DebianPackage, type ReleaseContents } from "./debian.ts";
import { commonEnvFile, operatorEnvFile, roleEnvFile } from "./env-files.ts";
import { debianVersionOf, differencesOf, sumsOf, withoutCache } from "./main.ts";
import { localSettings, PACKAGED_ROLES, SHARED_SETTINGS } from "./packaged-roles.ts";

const folder = mkdtempSync(join(tmpdir(), "packages-"));
afterAll(() => rmSync(folder, { recursive: true }));

const contents: ReleaseContents = {
  version: "1.2.3+git20260102030405.abc",
  maintainer: "Somebody <somebody@shop.example>",
  committedAt: 1_767_323_045,
  folder,
  docs: { "deploy.md": "# Deploy\n" },
  license: "MIT License\n\nCopyright (c) 2026 somebody\n\nPermission\n",
};
const packages = debianPackages(contents);
const packageOf = (name: string): DebianPackage => {
  const found = packages.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no package ${name}`);
  return found;
};

describe("settings", () => {
  test.each(PACKAGED_ROLES)(
    "of $role: all that are required, none that is unknown, no secret",
    (packaged) => {
      const text = `${commonEnvFile()}${roleEnvFile(packaged)}`;
      const set = Array.from(text.matchAll(/^([A-Z_0-9]+)=/gm), ([, name = ""]) => name);
      expect(misspeltSettings(set)).toEqual([]);
      const all = settingsOf(CONFIGS[packaged.role]);
      const required = all.filter(({ isRequired, isSecret }) => isRequired && !isSecret);
      expect(required.filter(({ name }) => !set.includes(name))).toEqual([]);
      for (const { name, isSecret } of all.filter((setting) => setting.isSecret)) {
        expect(isSecret).toBe(true);
        expect(set).not.toContain(name);
        expect(text).toContain(`# - ${name.toLowerCase()}`);
      }
    },
  );

  test("a role's own file names no setting of another role", () => {
    for (const packaged of PACKAGED_ROLES) {
      const known = new Set(settingsOf(CONFIGS[packaged.role]).map(({ name }) => name));
      expect(Object.keys(localSettings(packaged)).filter((name) => !known.has(name))).toEqual([]);
    }
  });

  test("the example of a secret is one that the role has", () => {
    for (const packaged of PACKAGED_ROLES) {
      const text = roleEnvFile(packaged).replace(/\n# /g, " ");
      const [, example = "no example"] = /cat > \/etc\/checkout\/secrets\/[a-z]+\/(\w+)/.exec(text) ?? [];
      const secrets = settingsOf(CONFIGS[packaged.role]).filter(({ isSecret }) => isSecret);
      const names = secrets.map(({ name }) => name.toLowerCase());
      if (names.length > 0) expect(names, packaged.role).toContain(example);
    }
  });

  test("a shared setting is worded for the services, not for the console alone", () => {
    const text = commonEnvFile().replace(/\n# /g, " ");
    expect(text).toMatch(/Required: [^\n]*the gateway's, the operators'[^\n]*\nTRUSTED_CALLERS_JWKS=/);
  });

  test("no two roles listen on the same port", () => {
    const ports = PACKAGED_ROLES.flatMap((packaged) =>
      Object.entries(localSettings(packaged)).flatMap(([name, value]) =>
        name.endsWith("PORT") ? [value] : [],
      ),
    );
    expect(new Set(ports).size).toBe(ports.length);
  });

  test("a shell reads them, with a key set in single quotes", async () => {
    const quoted = `${commonEnvFile()}${operatorEnvFile()}`.replace(
      "TRUSTED_CALLERS_JWKS=",
      `TRUSTED_CALLERS_JWKS='{"keys":[]}'`,
    );
    const file = join(folder, "shell.env");
    writeFileSync(file, quoted);
    const shell = Bun.spawnSync([
      "sh",
      "-euc",
      `set -a; . ${file}; printf '%s\n' "$TRUSTED_CALLERS_JWKS" "$KAFKA_BROKERS"`,
    ]);
    expect(shell.stdout.toString()).toBe(`{"keys":[]}\n${SHARED_SETTINGS["KAFKA_BROKERS"]}\n`);
    expect(shell.stderr.toString()).toBe("");
  });
});

describe("packages", () => {
  test("one for each role, checkoutctl, what they share, and one that brings a shop", () => {
    expect(packages.map(({ name }) => name).toSorted()).toEqual(
      [...ROLES.map((role) => `checkout-${role}`), "checkout", "checkout-common", "checkoutctl"].toSorted(),
    );
    const shop = packageOf("checkout").depends;
    expect(shop).toContain("checkout-gateway (= 1.2.3+git20260102030405.abc)");
    expect(shop.join()).not.toContain("paysim");
  });

  test("settings are conffiles that the world cannot read; secrets have a folder of root's", () => {
    for (const role of ROLES) {
      const { files, folders, conffiles } = packageOf(`checkout-${role}`);
      expect(conffiles).toEqual([`/etc/checkout/${role}.env`]);
      expect(files.find(({ path }) => path === conffiles[0])?.mode).toBe(0o640);
      expect(folders).toEqual([{ path: `/etc/checkout/secrets/${role}`, mode: 0o700 }]);
    }
  });

  test("the control file has what dpkg needs", () => {
    const control = controlOf(packageOf("checkout-relay"), contents, 2_049);
    expect(control).toContain(
      "Package: checkout-relay\nSource: checkout\nVersion: 1.2.3+git20260102030405.abc\nArchitecture: amd64\n",
    );
    expect(control).toContain("Installed-Size: 3\n");
    expect(control).toContain(
      "Depends: checkout-common (>= 1.2.3+git20260102030405.abc), adduser, libc6 (>= 2.36)\n",
    );
    for (const line of control.split("\n").slice(0, -1)) expect(line).toMatch(/^([A-Z][A-Za-z-]*: \S| \S)/);
  });

  test("the scripts are shell; they make a user, and neither enable nor start anything", () => {
    for (const { name, scripts } of packages)
      for (const [file, text] of Object.entries(scripts)) {
        const check = Bun.spawnSync(["sh", "-n"], { stdin: Buffer.from(text) });
        expect({ name, file, errors: check.stderr.toString() }).toEqual({ name, file, errors: "" });
        const commands = text.replace(/^\s*echo .*$/gm, "");
        expect(commands).not.toMatch(/systemctl[^\n]*\b(enable|start|restart)\b/);
      }
    expect(packageOf("checkout-order").scripts["prerm"]).toContain("disable --now checkout-order.service");
    // A link to a unit that is gone would stay in multi-user.target.wants.
    expect(packageOf("checkout-common").scripts["prerm"]).toContain("systemctl disable checkout.target");
    expect(packageOf("checkout-order").scripts["postinst"]).toContain("adduser --system");
  });
});

test("a tagged commit has the plain version; another one a later, growing one", () => {
  expect(debianVersionOf("1.2.3+abc", 1_767_323_045, ["v1.2.3"])).toBe("1.2.3");
  const versions = [1_767_323_045, 1_767_323_046].map((at) =>
    debianVersionOf("1.2.3+abc", at, ["v1.2.2", ""]),
  );
  expect(versions).toEqual(["1.2.3+git20260102030405.abc", "1.2.3+git20260102030406.abc"]);
  expect(debianVersionOf("1.2.3+abc-dirty", 1_767_323_045, [])).toBe("1.2.3+git20260102030405.abc.dirty");
  const isOlder = (older: string, newer: string) =>
    Bun.spawnSync(["dpkg", "--compare-versions", older, "lt", newer]).exitCode === 0;
  expect([isOlder("1.2.3", versions[0] ?? ""), isOlder(versions[0] ?? "", versions[1] ?? "")]).toEqual([
    true,
    true,
  ]);
  expect(isOlder(versions[1] ?? "", "1.2.4")).toBe(true);
});

test("SHA256SUMS is what sha256sum checks", () => {
  const release = mkdtempSync(join(folder, "sums-"));
  for (const name of ["b", "a"]) writeFileSync(join(release, name), name);
  writeFileSync(join(release, "SHA256SUMS"), sumsOf(release));
  const check = Bun.spawnSync(["sha256sum", "--check", "SHA256SUMS"], { cwd: release });
  expect(check.stdout.toString()).toBe("a: OK\nb: OK\n");
});

test("the second build of a verification does not share the cache of the first one", () => {
  expect(withoutCache({ PATH: "/bin", CHECKOUT_CACHE: "/var/cache" })).toEqual({ PATH: "/bin" });
});

test("a comparison of two releases names what differs, and what only one has", () => {
  expect(differencesOf("1  a\n2  b\n", "1  a\n2  b\n")).toEqual([]);
  expect(differencesOf("1  a\n2  b\n3  c\n", "1  a\n9  b\n4  d\n")).toEqual(["b", "c", "d"]);
});
