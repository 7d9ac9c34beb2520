// The settings of the sign-in at an identity provider: all or none, each fault in words, and tokens that services believe.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generateCallerKeys, trustedKeys, withCallerKey } from "../../internal/platform/caller-keys.ts";
import { systemClock } from "../../internal/platform/clock.ts";
import { parseRoleConfig } from "../../internal/platform/config.ts";
import { InternalTokens } from "../../internal/platform/internal-tokens.ts";
import { config } from "./config.ts";
import { companySignIn, faultsOf } from "./oidc.ts";

const folder = mkdtempSync(join(tmpdir(), "console-oidc-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const WITHOUT = {
  PORT: "0",
  KAFKA_BROKERS: "localhost:9092",
  ORCHESTRATOR_URL: "http://localhost:1",
  CONSOLE_SESSION_SECRET: "a secret of sessions with more than thirty-two characters",
  ...Object.fromEntries(
    ["SAGA", "INVENTORY", "PAYMENT", "ORDER", "NOTIFICATION"].map((name) => [
      `${name}_DATABASE_URL`,
      "postgres://u:p@localhost/x",
    ]),
  ),
};
let trusted: string;
let all: Readonly<Record<string, string>>;
beforeAll(async () => {
  const { publicJwk, privateJwk } = await generateCallerKeys("console", "operators");
  trusted = withCallerKey(publicJwk, undefined);
  all = {
    ...WITHOUT,
    TRUSTED_CALLERS_JWKS: trusted,
    CONSOLE_URL: "https://console.example/",
    OIDC_ISSUER: "https://login.example/realms/shop",
    OIDC_CLIENT_ID: "checkout-console",
    OIDC_CLIENT_SECRET: "s3cret-of-the-console",
    OIDC_OPERATOR_ROLE: "checkout-ops, checkout-leads",
    OPERATORS_PRIVATE_JWK: privateJwk,
  };
});

/** As the role does it. */
async function made(changes: Readonly<Record<string, string>> = {}) {
  const env = parseRoleConfig("checkout-console", config, { ...all, ...changes });
  const faults = faultsOf(env);
  if (faults.length > 0) throw new Error(faults.join("\n"));
  return companySignIn(env);
}

async function faultOf(changes: Readonly<Record<string, string>>): Promise<string> {
  return made(changes).then(
    () => "none",
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
}

describe("settings", () => {
  test("without any there is no provider; CONSOLE_URL alone is none", async () => {
    const env = { ...WITHOUT, TRUSTED_CALLERS_JWKS: trusted, CONSOLE_URL: "https://console.example" };
    expect(await companySignIn(parseRoleConfig("checkout-console", config, env))).toBeNull();
  });

  test("with all there is one", async () => {
    const signOn = await made();
    expect(signOn?.provider.name).toBe("login.example");
    expect(signOn?.rules).toMatchObject({
      roleClaim: "roles",
      operators: ["checkout-ops", "checkout-leads"],
      viewers: ["checkout-viewer"],
    });
  });

  test("each that is missing is named, all at once, and no value is shown", async () => {
    const names = [
      "OIDC_ISSUER",
      "OIDC_CLIENT_ID",
      "OIDC_CLIENT_SECRET",
      "OPERATORS_PRIVATE_JWK",
      "CONSOLE_URL",
    ];
    for (const name of names) {
      const fault = await faultOf({ [name]: "" });
      expect(fault, name).toStartWith(`${name} is missing`);
      expect(fault, name).not.toContain("s3cret");
    }
    // With one that means it, all others are asked for at once.
    const fault = await faultOf({
      ...Object.fromEntries(names.map((name) => [name, ""])),
      OIDC_CLIENT_ID: "checkout-console",
    });
    for (const name of names.filter((one) => one !== "OIDC_CLIENT_ID"))
      expect(fault).toContain(`${name} is missing`);
  });

  test("the secret may be in a file, which must have one", async () => {
    const file = join(folder, "secret");
    const inFile = { OIDC_CLIENT_SECRET: "", OIDC_CLIENT_SECRET_FILE: file };
    expect(await faultOf(inFile)).toContain(`OIDC_CLIENT_SECRET_FILE=${file} is not readable`);
    writeFileSync(file, "s3cret\n");
    expect(await faultOf(inFile)).toBe("none");
    expect(await faultOf({ OIDC_CLIENT_SECRET_FILE: file })).toContain("OIDC_CLIENT_SECRET is given twice");
  });

  test("no plain http but on this machine", async () => {
    expect(await faultOf({ OIDC_ISSUER: "http://login.example" })).toContain(
      "OIDC_ISSUER is not valid: over plain http",
    );
    expect(await faultOf({ CONSOLE_URL: "http://console.example" })).toContain("CONSOLE_URL is not valid");
    const here = { OIDC_ISSUER: "http://127.0.0.1:1", CONSOLE_URL: "http://localhost:2" };
    expect(await faultOf(here)).toBe("none");
  });

  test("the scopes must have openid", async () => {
    expect(await faultOf({ OIDC_SCOPES: "profile" })).toContain("OIDC_SCOPES is not valid");
    expect(await faultOf({ OIDC_SCOPES: "openid groups" })).toBe("none");
  });

  test("a key that nobody believes, or of a role, is found at the start", async () => {
    const other = await generateCallerKeys("console", "operators");
    expect(await faultOf({ OPERATORS_PRIVATE_JWK: other.privateJwk })).toContain(
      "its public half is not in TRUSTED_CALLERS_JWKS",
    );
    const role = await generateCallerKeys("gateway", "service");
    expect(await faultOf({ OPERATORS_PRIVATE_JWK: role.privateJwk })).toContain('its kind is "service"');
  });
});

test("what services are shown is signed by the console's own key, for this person, and for minutes", async () => {
  const signOn = await made();
  const token = (await signOn?.tokenFor({ name: "olga", role: "viewer" })) ?? "";
  const tokens = new InternalTokens({ keys: await trustedKeys(trusted), clock: systemClock });
  expect(await tokens.verify(token)).toEqual({ name: "olga", role: "viewer", issuer: "console" });
  const later = { now: () => Date.now() + 400_000 };
  const then = new InternalTokens({ keys: await trustedKeys(trusted), clock: later });
  await expect(then.verify(token)).rejects.toThrow("the token has expired");
});
