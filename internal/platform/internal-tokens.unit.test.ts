// Which internal tokens count, for whom they speak, how callers renew theirs, and what of the keys' settings is rejected.
import { beforeEach, describe, expect, test } from "bun:test";
import { SignJWT } from "jose";
import { Denied } from "../kernel/actor.ts";
import {
  type CallerKey,
  generateCallerKeys,
  publicHalf,
  signingKey,
  trustedKeys,
  withCallerKey,
} from "./caller-keys.ts";
import { CallerCredential, InternalTokens, isPersonName, mintOperatorToken } from "./internal-tokens.ts";

const START = Date.parse("2026-11-23T12:00:00.000Z");
const NOW_SECONDS = START / 1_000;
let now = START;
const clock = { now: () => now };
beforeEach(() => {
  now = START;
});

const gateway = await generateCallerKeys("gateway", "service");
const operators = await generateCallerKeys("operators", "operators");
const notification = await generateCallerKeys("notification", "reader");
const stranger = await generateCallerKeys("gateway", "service");
const gatewayKey = await signingKey("KEY", gateway.privateJwk, "service");
const operatorsKey = await signingKey("KEY", operators.privateJwk, "operators");
const notificationKey = await signingKey("KEY", notification.privateJwk, "reader");
const strangerKey = await signingKey("KEY", stranger.privateJwk, "service");
const roles = withCallerKey(notification.publicJwk, withCallerKey(gateway.publicJwk, undefined));
const trusted = withCallerKey(operators.publicJwk, roles);
const keys = await trustedKeys(trusted);
const tokens = () => new InternalTokens({ keys, clock });

interface Parts {
  readonly key?: CallerKey;
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly header?: Readonly<Record<string, string>>;
}
const PERSON = { iss: "operators", sub: "ada", role: "operator" };
const READER = { iss: "notification", sub: "notification", role: "reader" };
const SERVICE = { iss: "gateway", sub: "gateway", role: "service" };

/** Ada's token, changed. */
function made({ key = operatorsKey, claims = {}, header = {} }: Parts = {}): Promise<string> {
  const times = { iat: NOW_SECONDS, exp: NOW_SECONDS + 600 };
  return new SignJWT({ aud: "checkout-internal", ...PERSON, ...times, ...claims })
    .setProtectedHeader({ alg: "EdDSA", kid: key.kid, ...header })
    .sign(key.key);
}

/** Of a refused token: reason and message. */
async function refusal(token: string, by = tokens()): Promise<string> {
  const error: unknown = await by.verify(token).catch((thrown: unknown) => thrown);
  if (error instanceof Denied) return `${error.status} ${error.reason}: ${error.message}`;
  throw new Error(`the token was accepted: ${JSON.stringify(error)}`);
}

test("a person and the gateway are who their tokens say, and a token is verified once", async () => {
  const by = tokens();
  const [ada, service] = [await made(), await made({ key: gatewayKey, claims: SERVICE })];
  expect(await by.verify(ada)).toEqual({ name: "ada", role: "operator", issuer: "operators" });
  expect(await by.verify(service)).toEqual({ name: "gateway", role: "service", issuer: "gateway" });
  const [first, again] = await Promise.all([by.verify(ada), by.verify(ada)]);
  expect(first).toBe(again);
});

test("a token that is remembered ends when it expires", async () => {
  const by = tokens();
  const token = await made();
  await by.verify(token);
  now += 629_000;
  expect((await by.verify(token)).name).toBe("ada");
  now += 2_000;
  expect(await refusal(token, by)).toStartWith("401 expired: ");
});

test.each<[string, Parts, string]>([
  ["expired", { claims: { exp: NOW_SECONDS - 31, iat: NOW_SECONDS - 600 } }, "401 expired: "],
  ["issued in the future", { claims: { iat: NOW_SECONDS + 31 } }, "401 expired: "],
  [
    "for another audience",
    { claims: { aud: "shop" } },
    '401 bad_token: the token is rejected: unexpected "aud"',
  ],
  ["without an audience", { claims: { aud: undefined } }, "401 bad_token: "],
  ["without an expiry", { claims: { exp: undefined } }, "401 bad_token: "],
  ["without an issue time", { claims: { iat: undefined } }, "401 bad_token: "],
  ["without a name", { claims: { sub: undefined } }, "401 bad_token: "],
  ["signed by a stranger", { key: strangerKey, claims: SERVICE }, "401 unknown_key: "],
  [
    "with the key id of another key",
    { key: strangerKey, header: { kid: operatorsKey.kid } },
    "401 bad_token: ",
  ],
  ["of an unknown role", { claims: { role: "root" } }, "401 bad_token: the token's role is not one of"],
  ["without a role", { claims: { role: undefined } }, "401 bad_token: "],
  [
    "of another issuer than the key's",
    { claims: { iss: "gateway" } },
    "401 bad_token: the token's iss is not",
  ],
  [
    "of a person, by the gateway's key",
    { key: gatewayKey, claims: { iss: "gateway" } },
    "may sign for gateway only",
  ],
  [
    "of another role, by the gateway's key",
    { key: gatewayKey, claims: { ...SERVICE, sub: "payment" } },
    "may sign for",
  ],
  [
    "of a reader, by the gateway's key",
    { key: gatewayKey, claims: { ...SERVICE, role: "reader" } },
    "for gateway only, with the role service",
  ],
  [
    "of a service, by the key of a reader",
    { key: notificationKey, claims: { ...READER, role: "service" } },
    "for notification only, with the role reader",
  ],
  [
    "of the gateway, by the key of a reader",
    { key: notificationKey, claims: { ...READER, sub: "gateway" } },
    "for notification only, with the role reader",
  ],
  [
    "of a person, by the key of a reader",
    { key: notificationKey, claims: { ...READER, sub: "ada", role: "operator" } },
    "for notification only, with the role reader",
  ],
  [
    "of a reader, valid for longer than ten minutes",
    { key: notificationKey, claims: { ...READER, exp: NOW_SECONDS + 601 } },
    "at most 600 s are accepted",
  ],
  ["of a reader, by the operators' key", { claims: { role: "reader" } }, "401 bad_token: the token's role"],
  ["of a service, by the operators' key", { claims: { role: "service" } }, "401 bad_token: the token's role"],
  ["of the shopper", { claims: { sub: "shopper" } }, "is not the name of a person"],
  [
    "of somebody who is said to be unverified",
    { claims: { sub: "ada (login)" } },
    "is not the name of a person",
  ],
  ["valid for longer than a day", { claims: { exp: NOW_SECONDS + 86_401 } }, "at most 86400 s are accepted"],
  [
    "of a service, valid for longer than ten minutes",
    { key: gatewayKey, claims: { ...SERVICE, exp: NOW_SECONDS + 601 } },
    "at most 600 s are accepted",
  ],
])("refused: a token %s", async (_, parts, words) => {
  expect(await refusal(await made(parts))).toContain(words);
});

test("refused: what is no token of ours at all", async () => {
  const unsigned = `${btoa('{"alg":"none"}')}.${btoa(JSON.stringify(PERSON))}.`.replaceAll("=", "");
  const shared = await new SignJWT({
    aud: "checkout-internal",
    ...PERSON,
    iat: NOW_SECONDS,
    exp: NOW_SECONDS + 9,
  })
    .setProtectedHeader({ alg: "HS256", kid: operatorsKey.kid })
    .sign(new TextEncoder().encode("a secret of more than thirty-two characters"));
  for (const token of ["", "x", "a.b.c", unsigned, shared, "x".repeat(5_000)])
    expect(await refusal(token)).toStartWith("401 ");
});

test("during a rotation the old and the new key count, and afterwards only the new one", async () => {
  const renewed = await generateCallerKeys("operators", "operators");
  const both = new InternalTokens({
    keys: await trustedKeys(withCallerKey(renewed.publicJwk, trusted)),
    clock,
  });
  const one = new InternalTokens({
    keys: await trustedKeys(withCallerKey(renewed.publicJwk, undefined)),
    clock,
  });
  const key = await signingKey("KEY", renewed.privateJwk, "operators");
  const [old, fresh] = [await made(), await made({ key })];
  expect([(await both.verify(old)).name, (await both.verify(fresh)).name]).toEqual(["ada", "ada"]);
  expect((await one.verify(fresh)).name).toBe("ada");
  expect(await refusal(old, one)).toStartWith("401 unknown_key: ");
});

test("`mintOperatorToken` makes tokens of people", async () => {
  const person = { name: "Ada Lovelace", role: "viewer", ttlSeconds: 60, nowMs: START } as const;
  const token = await mintOperatorToken(operatorsKey, person);
  expect(await tokens().verify(token)).toEqual({ name: "Ada Lovelace", role: "viewer", issuer: "operators" });
});

test.each([
  ["ada", true],
  ["Ada Lovelace", true],
  ["ada@example.com", true],
  ["x".repeat(100), true],
  ["x".repeat(101), false],
  ["", false],
  [" ada", false],
  ["ada\n", false],
  ["a\u0000b", false],
  ["shopper", false],
  ["ada (login)", false],
])("%j as the name of a person: %p", (name, isOne) => {
  expect(isPersonName(name)).toBe(isOne);
});

describe("the credential of a role", () => {
  const tokenOf = (header: string) => header.replace("Bearer ", "");

  test("is one token for a minute, and each of its tokens still lives for a minute", async () => {
    const credential = new CallerCredential(gatewayKey, clock);
    const first = await credential.header();
    now += 59_000;
    expect(await credential.header()).toBe(first);
    now += 1_000;
    const second = await credential.header();
    expect(second).not.toBe(first);
    expect(await tokens().verify(tokenOf(first))).toEqual({
      name: "gateway",
      role: "service",
      issuer: "gateway",
    });
    expect((await tokens().verify(tokenOf(second))).role).toBe("service");
    // Its clock was set back: the old token would be one of the future.
    now -= 3_600_000;
    expect((await tokens().verify(tokenOf(await credential.header()))).role).toBe("service");
  });

  test("has the role of its key", async () => {
    const token = tokenOf(await new CallerCredential(notificationKey, clock).header());
    expect(await tokens().verify(token)).toEqual({
      name: "notification",
      role: "reader",
      issuer: "notification",
    });
  });

  test("follows the clock of a service that is an hour off, and comes back", async () => {
    const credential = new CallerCredential(gatewayKey, clock);
    await credential.header();
    const offBy = (ms: number) => new InternalTokens({ keys, clock: { now: () => now + ms } });
    for (const skew of [3_600_000, -3_600_000, 0]) {
      const service = offBy(skew);
      expect(await refusal(tokenOf(await credential.header()), service)).toStartWith("401 expired: ");
      credential.correctClock(new Date(now + skew).toUTCString());
      expect((await service.verify(tokenOf(await credential.header()))).role).toBe("service");
    }
  });

  test("has no other header for a clock that was right, is unknown, or is days off", async () => {
    const credential = new CallerCredential(gatewayKey, clock);
    const header = await credential.header();
    const dates = [
      new Date(now + 900).toUTCString(),
      null,
      "yesterday",
      new Date(now + 86_400_000).toUTCString(),
    ];
    for (const date of dates) {
      credential.correctClock(date);
      expect(await credential.header()).toBe(header);
    }
  });
});

describe("keys in settings", () => {
  const changed = (text: string, changes: object) =>
    JSON.stringify({ keys: [{ ...JSON.parse(text), ...changes }] });

  test.each<[string, () => string, string]>([
    ["no JSON", () => "{", "TRUSTED_CALLERS_JWKS is not usable: it is not JSON"],
    ["no set", () => gateway.publicJwk, "it is not a JWK set"],
    ["null", () => "null", "it is not a JWK set"],
    ["an empty set", () => '{"keys":[]}', "it has no key"],
    ["a set with null", () => '{"keys":[null]}', "key 1 of TRUSTED_CALLERS_JWKS is not usable"],
    ["a private key", () => changed(gateway.privateJwk, {}), "it is a private key: use its public half"],
    ["an RSA key", () => changed(gateway.publicJwk, { kty: "RSA" }), "it is not an Ed25519 key"],
    ["a key without kid", () => changed(gateway.publicJwk, { kid: undefined }), "it has no kid"],
    ["a key without issuer", () => changed(gateway.publicJwk, { issuer: undefined }), "its issuer is not"],
    [
      "a key of an unknown kind",
      () => changed(gateway.publicJwk, { kind: "root" }),
      "its kind is not one of",
    ],
    ["a key that is none", () => changed(gateway.publicJwk, { x: "AA" }), "its bytes are not a key"],
    [
      "one key twice",
      () => withCallerKey(gateway.publicJwk, withCallerKey(gateway.publicJwk, undefined)),
      "the same kid",
    ],
    [
      "one issuer with two kinds",
      () =>
        withCallerKey(
          JSON.stringify({ ...JSON.parse(operators.publicJwk), kid: "2", issuer: "gateway" }),
          trusted,
        ),
      "gateway has keys of two kinds",
    ],
  ])("TRUSTED_CALLERS_JWKS is refused: %s", async (_, text, words) => {
    const error: unknown = await trustedKeys(text()).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "CONFIG_INVALID", message: expect.stringContaining(words) });
    // The secret half, whose first letters no other text has.
    const { d = "" } = JSON.parse(gateway.privateJwk);
    expect(String(error)).not.toContain(d);
  });

  test.each<[string, string, string]>([
    ["no JSON", "secret", "GATEWAY_PRIVATE_JWK is not usable: it is not JSON"],
    ["a public key", gateway.publicJwk, "it is a public key"],
    ["a set", trusted, "it is a set"],
    ["the key of operators", operators.privateJwk, 'its kind is "operators", not "service"'],
  ])("GATEWAY_PRIVATE_JWK is refused: %s", async (_, text, words) => {
    const reading = signingKey("GATEWAY_PRIVATE_JWK", text, "service");
    const error: unknown = await reading.catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "CONFIG_INVALID", message: expect.stringContaining(words) });
  });
});

test("the public half of a private key is the key that is trusted", () => {
  expect(JSON.parse(publicHalf(gateway.privateJwk))).toEqual(JSON.parse(gateway.publicJwk));
});
