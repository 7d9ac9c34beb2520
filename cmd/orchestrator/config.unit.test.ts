// Which providers' checkouts authorize first, from the setting; and how long a checkout waits for others.
import { expect, test } from "bun:test";
import { Value } from "@sinclair/typebox/value";
import { LONGEST_LINGER_MS } from "../../internal/orchestrator/intake.ts";
import { config, policyOf } from "./config.ts";

/** The defaults of all settings, with this one. */
function settings(AUTHORIZE_FIRST?: string) {
  return Value.Default(config, AUTHORIZE_FIRST === undefined ? {} : { AUTHORIZE_FIRST });
}

test.each([
  [undefined, []],
  ["", []],
  ["stripe", ["stripe"]],
  ["stripe,paypal", ["stripe", "paypal"]],
])("AUTHORIZE_FIRST %s names %o", (text, providers) => {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the settings that have no default are not read
  const env = settings(text) as Parameters<typeof policyOf>[0];
  expect(policyOf(env).authorizeFirst).toEqual(new Set(providers));
});

test.each(["Stripe", "stripe, paypal", "stripe,", "*"])("%s is refused", (text) => {
  expect(Value.Check(config.properties.AUTHORIZE_FIRST, text)).toBe(false);
});

test("the longest wait of a checkout for others is no shorter than its setting is by default", () => {
  expect(LONGEST_LINGER_MS).toBeGreaterThanOrEqual(Number(config.properties.INTAKE_LINGER_MS.default));
});
