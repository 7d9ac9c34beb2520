// Whose name goes into the audit trail, and that nobody can type one.
import { expect, test } from "bun:test";
import { callerNames } from "../../internal/platform/caller.ts";
import { generateCallerKeys, withCallerKey } from "../../internal/platform/caller-keys.ts";
import { asGateway, tokenOfPerson, TRUSTED_CALLERS } from "../../internal/testkit/callers.ts";
import { actorOf, serviceAt } from "./operator.ts";
import type { SettingName, Settings } from "./settings.ts";

const login = callerNames()[0] ?? "";
const stranger = await generateCallerKeys("operators", "operators");

function settings(values: Partial<Record<SettingName, string>>): Settings {
  const need = (name: SettingName) => values[name] ?? "http://127.0.0.1:9";
  return {
    areOfStack: false,
    need,
    optional: (name) => values[name],
    ledger: () => "",
    kafka: () => ({ KAFKA_BROKERS: need("KAFKA_BROKERS") }),
  };
}

test("the name is the verified token's", async () => {
  const OPERATOR_TOKEN = await tokenOfPerson("ada");
  expect(await actorOf(settings({ OPERATOR_TOKEN, TRUSTED_CALLERS_JWKS: TRUSTED_CALLERS }))).toBe("ada");
  const own = settings({ OPERATOR_TOKEN, TRUSTED_CALLERS_JWKS: TRUSTED_CALLERS });
  expect(await serviceAt(own, "ORDER_URL")).toEqual({
    url: "http://127.0.0.1:9",
    token: OPERATOR_TOKEN,
  });
});

test("without keys to trust it is the login, marked as unverified", async () => {
  expect(await actorOf(settings({}))).toBe(`${login} (login)`);
});

test("the holder of the operators' key, as on the local stack, is their login, for services too", async () => {
  const local = settings({
    OPERATORS_PRIVATE_JWK: stranger.privateJwk,
    TRUSTED_CALLERS_JWKS: withCallerKey(stranger.publicJwk, undefined),
  });
  expect(await actorOf(local)).toBe(login);
  const { token } = await serviceAt(local, "ORDER_URL");
  expect(
    await actorOf(
      settings({ OPERATOR_TOKEN: token, TRUSTED_CALLERS_JWKS: withCallerKey(stranger.publicJwk, undefined) }),
    ),
  ).toBe(login);
});

const trusted = { TRUSTED_CALLERS_JWKS: TRUSTED_CALLERS };
test.each<[string, () => Promise<Partial<Record<SettingName, string>>>, string, string]>([
  ["no token, where tokens are demanded", async () => trusted, "CONFIG_INVALID", "OPERATOR_TOKEN is not set"],
  [
    "a token that cannot be verified here",
    async () => ({ OPERATOR_TOKEN: await tokenOfPerson("ada") }),
    "CONFIG_INVALID",
    "TRUSTED_CALLERS_JWKS is not set",
  ],
  [
    "a token that the operator made with a key of their own",
    async () => ({
      OPERATOR_TOKEN: (await serviceAt(settings({ OPERATORS_PRIVATE_JWK: stranger.privateJwk }), "ORDER_URL"))
        .token,
      ...trusted,
    }),
    "CONFIG_INVALID",
    "OPERATOR_TOKEN is refused: the token is signed with a key that is not trusted",
  ],
  [
    "a viewer",
    async () => ({ OPERATOR_TOKEN: await tokenOfPerson("victor", "viewer"), ...trusted }),
    "MESSAGE_INVALID",
    "victor has the role viewer",
  ],
  [
    "the gateway's token",
    async () => ({ OPERATOR_TOKEN: (await asGateway()).authorization.replace("Bearer ", ""), ...trusted }),
    "MESSAGE_INVALID",
    "gateway has the role service",
  ],
])("refused: %s", async (_, values, code, words) => {
  const error: unknown = await actorOf(settings(await values())).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code, message: expect.stringContaining(words) });
});

test("no service is called without a token", async () => {
  const error: unknown = await serviceAt(settings(trusted), "ORDER_URL").catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({
    code: "CONFIG_INVALID",
    message: expect.stringContaining("checkoutctl token --operator NAME"),
  });
});
