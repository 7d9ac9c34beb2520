// The secrets of a data directory stay the same, and those of an older version get what it did not make.
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { signingKey, trustedKeys } from "../platform/caller-keys.ts";
import { ensureSecrets, secretsFile } from "./secrets.ts";

const folder = mkdtempSync(join(tmpdir(), "checkout-secrets-test-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("every private key of a caller is trusted, and nothing changes at the next start", async () => {
  const secrets = await ensureSecrets(folder);
  const trusted = await trustedKeys(secrets.trusted_callers_jwks);
  const kids = await Promise.all([
    signingKey("gateway", secrets.gateway_private_jwk, "service"),
    signingKey("notification", secrets.notification_private_jwk, "reader"),
    signingKey("operators", secrets.operators_private_jwk, "operators"),
  ]);
  expect([...trusted.keys()]).toEqual(kids.map(({ kid }) => kid));
  expect(await ensureSecrets(folder)).toEqual(secrets);
});

test("notification's key is made later, and is trusted beside the older ones", async () => {
  const file = secretsFile(folder);
  const { notification_private_jwk: _, ...older } = JSON.parse(readFileSync(file, "utf8"));
  const { keys } = JSON.parse(older.trusted_callers_jwks);
  older.trusted_callers_jwks = JSON.stringify({
    keys: keys.filter(({ issuer }: { readonly issuer: string }) => issuer !== "notification"),
  });
  writeFileSync(file, JSON.stringify(older));
  const secrets = await ensureSecrets(folder);
  const { trusted_callers_jwks, notification_private_jwk, ...rest } = secrets;
  expect({ ...rest, trusted_callers_jwks: older.trusted_callers_jwks }).toEqual(older);
  const trusted = await trustedKeys(trusted_callers_jwks);
  const { kid } = await signingKey("notification", notification_private_jwk, "reader");
  expect([trusted.size, trusted.get(kid)?.kind]).toEqual([3, "reader"]);
  expect(trusted_callers_jwks).not.toContain('"d"');
  expect(await ensureSecrets(folder)).toEqual(secrets);
});
