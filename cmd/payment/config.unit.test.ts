// An internal API without keys would let everybody in, so payment does not start with one.
import { expect, test } from "bun:test";
import { parseConfig } from "../../internal/platform/config.ts";
import { config, faultsOf } from "./config.ts";

const REST = {
  PORT: "0",
  KAFKA_BROKERS: "127.0.0.1:1",
  REDIS_URL: "redis://127.0.0.1",
  DATABASE_URL: "postgres://127.0.0.1/payment",
  STRIPE_API_KEY: "sk_test_1",
  STRIPE_WEBHOOK_SECRET: "whsec_0123456789",
  PAYMENT_PRIVATE_JWK: "{}",
};
const faults = (env: Readonly<Record<string, string>>) =>
  faultsOf(parseConfig("payment", config, { ...REST, ...env }));

test("INTERNAL_PORT needs TRUSTED_CALLERS_JWKS", () => {
  expect(faults({ INTERNAL_PORT: "0" })).toEqual([
    expect.stringContaining("TRUSTED_CALLERS_JWKS is missing: with INTERNAL_PORT set it"),
  ]);
  expect(faults({ INTERNAL_PORT: "0", TRUSTED_CALLERS_JWKS: "{}" })).toEqual([]);
  expect(faults({})).toEqual([]);
});
