// The compiled binaries alone: copied to an empty folder, without the repository, its packages or any setting.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { cpSync, linkSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { version } from "../../package.json";
import { settingsOfRole } from "../testkit/role-settings.ts";
import { binaryName, buildAll, buildableRoles } from "../tools/build.ts";
import { DIST } from "./paths.ts";
import { ROLES, type Role } from "./role-env.ts";

const EXIT_CONFIG = 78;
/** These settings have a default or may be missing. */
const OPTIONAL = new Set([
  "INSTANCE_ID",
  "JWT_DEVELOPMENT",
  "JWT_HS256_SECRET",
  "OPS_URLS",
  "PAYMENT_URL",
  "PUBLIC_URL",
  "RATE_LIMIT_FACTOR",
  "SHOP_LINK_SECRET",
  "SHOP_URL",
  "STRIPE_BASE_URL",
  "TEST_CARDS",
  "WEBHOOK_URL",
  "WEBHOOK_SECRET",
]);
/** Needed only with INTERNAL_PORT, which the plan of the stack sets, and with INVENTORY_URL. */
const OPTIONAL_OF: Readonly<Partial<Record<Role, readonly string[]>>> = {
  gateway: ["OFFER_PAYPAL"],
  payment: [
    "TRUSTED_CALLERS_JWKS",
    "PAYPAL_SEARCH_LAG_MS",
    "PAYPAL_CLIENT_ID",
    "PAYPAL_CLIENT_SECRET",
    "PAYPAL_BASE_URL",
    "PAYPAL_WEBHOOK_ID",
    "PAYPAL_CERTIFICATE_HOSTS",
    "PAYPAL_CERTIFICATE_ROOTS",
  ],
  paysim: [
    "PAYPAL_LEDGER_FILE",
    "PAYPAL_API_URL",
    "PAYPAL_WEBHOOK_URL",
    "PAYPAL_WEBHOOK_ID",
    "PAYPAL_CERTIFICATE_FILE",
    "PAYPAL_CERTIFICATE_KEY_FILE",
  ],
  notification: ["INVENTORY_URL", "NOTIFICATION_PRIVATE_JWK"],
};
const BUILD_TIMEOUT_MS = 120_000;

const folder = mkdtempSync(join(tmpdir(), "checkout-binaries-test-"));
afterAll(() => rmSync(folder, { recursive: true }));
beforeAll(async () => {
  await buildAll(buildableRoles(), () => {});
  for (const role of buildableRoles())
    placeAlone(join(DIST, binaryName(role)), join(folder, binaryName(role)));
  // A binary must not read settings from its working directory.
  writeFileSync(join(folder, ".env"), "KAFKA_BROKERS=from-dotenv:1\nLOG_LEVEL=debug\n");
  writeFileSync(join(folder, "bunfig.toml"), 'preload = ["./missing.ts"]\n');
}, BUILD_TIMEOUT_MS);

test.each(buildableRoles())("%s prints its version and its help", async (role) => {
  const told = await run(role, ["--version"]);
  expect(told.code).toBe(0);
  expect(told.output).toContain(version);
  expect(told.output).toContain(`(Bun ${Bun.version})`);
  const help = await run(role, ["--help"]);
  expect(help.code).toBe(0);
  expect(help.output.length).toBeGreaterThan(200);
});

test.each(ROLES)("%s names all missing and wrong settings at once, but no values", async (role) => {
  const required = requiredSettings(role);
  const lacking = await run(role, []);
  expect(lacking.code).toBe(EXIT_CONFIG);
  for (const name of required) expect(lacking.output).toContain(name);

  const secret = "s3cret-that-must-not-be-shown";
  const wrong = await run(role, [], {
    ...Object.fromEntries(required.map((name) => [name, secret])),
    LOG_LEVEL: secret,
  });
  expect(wrong.code).toBe(EXIT_CONFIG);
  expect(wrong.output).toContain("LOG_LEVEL");
  expect(wrong.output).not.toContain(secret);
});

async function run(role: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child = Bun.spawn([join(folder, binaryName(role)), ...args], {
    cwd: folder,
    env: { ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [output, errors, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { code, output: output + errors };
}

/** The settings of the local stack, without optional ones and without those of Bun and its allocator. */
function requiredSettings(role: Role): string[] {
  return settingsOfRole(role).filter(
    (name) => !OPTIONAL.has(name) && !OPTIONAL_OF[role]?.includes(name) && !/^(BUN|MIMALLOC)_/.test(name),
  );
}

/** Links the file if possible; on one file system this saves a gigabyte of copies. */
function placeAlone(file: string, target: string): void {
  try {
    linkSync(file, target);
  } catch {
    cpSync(file, target);
  }
}
