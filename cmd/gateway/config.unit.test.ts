// Which settings for tokens go together. A gateway that starts with the wrong ones would let strangers in.
import { expect, test } from "bun:test";
import { parseConfig } from "../../internal/platform/config.ts";
import { config, faultsOf } from "./config.ts";

const REST = {
  PORT: "0",
  REDIS_URL: "redis://127.0.0.1",
  ORCHESTRATOR_URL: "http://127.0.0.1:1",
  INVENTORY_URL: "http://127.0.0.1:1",
  ORDER_URL: "http://127.0.0.1:1",
  BUN_CONFIG_MAX_HTTP_REQUESTS: "65535",
  PAYMENT_PUBLIC_JWK: "{}",
  GATEWAY_PRIVATE_JWK: "{}",
};
const HS256 = { JWT_HS256_SECRET: "a1b2c3d4".repeat(5) };
const JWKS = {
  JWT_JWKS_URL: "https://id.example/jwks.json",
  JWT_ISSUER: "https://id.example",
  JWT_AUDIENCE: "shop",
};
const DEVELOPMENT = { JWT_DEVELOPMENT: "true" };
const SIGN_IN = { SIGN_IN_URL: "https://id.example/sign-in" };
const TWO_WAYS_TO_PAY = { TEST_CARDS: "true", STRIPE_PUBLISHABLE_KEY: "pk_test_1" };
const faults = (env: Readonly<Record<string, string>>) =>
  faultsOf(parseConfig("gateway", config, { ...REST, ...env }));

test.each([
  ["a key set with issuer and audience", JWKS],
  ["a shared secret in development", { ...HS256, ...DEVELOPMENT }],
  ["a sign-in page with the shop's address", { ...JWKS, ...SIGN_IN, SHOP_URL: "https://shop.example" }],
  ["test cards alone", { ...JWKS, TEST_CARDS: "true" }],
  ["settings of pages that are not served", { ...JWKS, ...SIGN_IN, ...TWO_WAYS_TO_PAY, STOREFRONT: "false" }],
  ["a key set over http in development", { ...JWKS, ...DEVELOPMENT, JWT_JWKS_URL: "http://127.0.0.1/jwks" }],
])("accepted: %s", (_, env) => {
  expect(faults(env)).toEqual([]);
});

const { JWT_ISSUER: _issuer, ...withoutIssuer } = JWKS;
const { JWT_AUDIENCE: _audience, ...withoutAudience } = JWKS;
test.each<[string, Readonly<Record<string, string>>, readonly string[]]>([
  ["neither keys nor a secret", {}, ["JWT_JWKS_URL is missing"]],
  ["both", { ...JWKS, ...HS256, ...DEVELOPMENT }, ["remove JWT_HS256_SECRET"]],
  ["a shared secret outside of development", HS256, ["JWT_DEVELOPMENT=true if this is no production system"]],
  ["a key set over http", { ...JWKS, JWT_JWKS_URL: "http://id.example/jwks" }, ["must begin with https://"]],
  ["a sign-in page without the shop's address", { ...JWKS, ...SIGN_IN }, ["SHOP_URL is missing"]],
  ["two ways to pay", { ...JWKS, ...TWO_WAYS_TO_PAY }, ["unset one"]],
  ["a key set without an issuer", withoutIssuer, ["JWT_ISSUER is missing"]],
  ["a key set without an audience", withoutAudience, ["JWT_AUDIENCE is missing"]],
  [
    "only a key set, even in development",
    { JWT_JWKS_URL: JWKS.JWT_JWKS_URL, ...DEVELOPMENT },
    ["JWT_ISSUER is missing", "JWT_AUDIENCE is missing"],
  ],
])("refused: %s", (_, env, wanted) => {
  const found = faults(env);
  expect(found).toHaveLength(wanted.length);
  for (const [index, words] of wanted.entries()) expect(found[index]).toContain(words);
});

test.each([
  ["https://cdn.example", true],
  ["https://cdn.example,https://img.example:8443", true],
  ["http://cdn.example", false],
  ["https://cdn.example/", false],
  ["https://*.example", false],
  ["https://cdn.example; script-src *", false],
  ["https://cdn.example https://other.example", false],
  ["https://cdn.example,", false],
])("PICTURE_HOSTS=%p", (PICTURE_HOSTS, isAccepted) => {
  const parse = () => faults({ ...JWKS, PICTURE_HOSTS });
  if (isAccepted) expect(parse()).toEqual([]);
  else expect(parse).toThrow(/PICTURE_HOSTS/);
});
