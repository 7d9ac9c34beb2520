// Tokens: which are accepted, which are rejected, and how long a verified one is cached.
import { expect, test } from "bun:test";
import {
  authenticatorOf as authenticator,
  JWT_SECRET,
  SHOPPER,
  STRANGER,
  tokenOf,
  type TokenParts,
} from "../testkit/gateway.ts";
import type { AuthOptions } from "./auth.ts";
import { SharedSecret } from "./token-keys.ts";
import { RecentlyUsed } from "../kernel/recently-used.ts";

const now = () => Math.floor(Date.now() / 1_000);
const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");

test("a valid token yields its user; the case of the scheme does not matter", async () => {
  const token = await tokenOf(SHOPPER);
  for (const scheme of ["Bearer ", "bearer ", "BEARER   "])
    expect(await authenticator().userOf(scheme + token)).toBe(SHOPPER);
});

// Expected ids from another implementation: uuid.uuid5(uuid.uuid5(uuid.NAMESPACE_URL, iss), sub) in Python.
test.each([
  ["a UUID in capitals", SHOPPER.toUpperCase(), undefined, SHOPPER],
  ["a text from an issuer", "x", "https://id.example", "cc92184e-9540-5244-8300-384ebe50c7bc"],
  ["the same text from another issuer", "x", "https://other.example", "968455bb-7703-58b5-b3d6-7077ee787c1c"],
  [
    "a text without an issuer",
    "auth0|5f7c8ec7c33c6c004bbafe82",
    undefined,
    "2b9dc870-c022-5d22-8f77-83a4afdab914",
  ],
  ["a text beyond ASCII", "Ada Łovelace", "https://id.example", "02b4e9e5-ce47-50c0-9538-8b6df46f17f2"],
  ["the longest text", "a".repeat(255), "https://id.example", "488b05c6-c272-5a72-b73d-e858628efddc"],
])("a subject that is %s is the same user each time", async (_, sub, iss, userId) => {
  const token = await tokenOf(sub, { claims: { iss } });
  expect(await authenticator().userOf(`Bearer ${token}`)).toBe(userId);
});

const bad: readonly [string, TokenParts & { readonly userId?: string }, Partial<AuthOptions>?][] = [
  ["expired", { claims: { exp: now() - 60 } }],
  ["without an expiry", { claims: { exp: undefined } }],
  ["with an expiry that is not a number", { claims: { exp: "tomorrow" } }],
  ["not valid yet", { claims: { nbf: now() + 3_600 } }],
  ["without a subject", { claims: { sub: undefined } }],
  ["with an empty subject", { userId: "" }],
  ["with a blank subject", { userId: " \t" }],
  ["with a subject that is not text", { claims: { sub: 42 } }],
  ["with a subject longer than OpenID Connect allows", { userId: "a".repeat(256) }],
  ["with half a surrogate pair in its subject", { userId: "ada\ud800" }],
  ["signed with another secret", { secret: "another secret of more than thirty-two characters" }],
  [
    "signed with another algorithm",
    { algorithm: "HS512", secret: JWT_SECRET.repeat(2) },
    { keys: new SharedSecret(JWT_SECRET.repeat(2)) },
  ],
  ["from another issuer", { claims: { iss: "evil" } }, { issuer: "shop" }],
  ["without the required issuer", {}, { issuer: "shop" }],
  ["of another type", { type: "logout+jwt" }],
  ["of a type that is not wanted", {}, { types: ["at+jwt"] }],
  ["valid for too long", { claims: { exp: now() + 3_700 } }, { maxLifetimeSeconds: 3_600 }],
  [
    "valid for too long since its issue",
    { claims: { iat: now() - 3_000, exp: now() + 700 } },
    { maxLifetimeSeconds: 3_600 },
  ],
  ["issued in the future", { claims: { iat: now() + 60 } }],
  ["with an issue time that is no number", { claims: { iat: "today" } }],
  ["with a session that is not text", { claims: { sid: 7 } }],
  ["with an id that is not text", { claims: { jti: ["a"] } }],
  ["for another audience", { claims: { aud: "evil" } }, { audience: "shop" }],
];
test.each(bad)("rejected: a token %s", async (_, { userId = SHOPPER, ...parts }, options = {}) => {
  const token = await tokenOf(userId, parts);
  await expect(authenticator(options).userOf(`Bearer ${token}`)).rejects.toMatchObject({
    type: "unauthenticated",
  });
});

test("rejected: tampered and unsigned tokens", async () => {
  const [header = "", payload = "", signature = ""] = (await tokenOf(SHOPPER)).split(".");
  const claims = { sub: SHOPPER, exp: now() + 3_600 };
  const forged = [
    `${header}.${base64({ ...claims, sub: STRANGER })}.${signature}`,
    `${base64({ alg: "none" })}.${payload}.`,
    `${base64({ alg: "None" })}.${base64(claims)}.`,
    `${base64({ alg: "RS256" })}.${payload}.${signature}`,
    `${base64({ alg: "HS256", crit: ["x"], x: 1 })}.${payload}.${signature}`,
    `${header}.${payload}`,
    `${header}.${payload}.${signature}x`,
    "..",
    "not a token",
  ];
  const gate = authenticator();
  for (const token of forged)
    await expect(gate.userOf(`Bearer ${token}`)).rejects.toMatchObject({ type: "unauthenticated" });
});

test("rejected: no token, another scheme, and a token that is too long", async () => {
  const token = await tokenOf(SHOPPER);
  for (const header of [null, "", "Bearer", "Bearer ", `Basic ${token}`, token, `Bearer ${token} ${token}`])
    await expect(authenticator().userOf(header)).rejects.toMatchObject({ type: "unauthenticated" });
  const long = `Bearer ${await tokenOf(SHOPPER, { claims: { x: "x".repeat(5_000) } })}`;
  await expect(authenticator().userOf(long)).rejects.toThrow("too long");
});

test("a token with the right issuer and audience is accepted", async () => {
  const token = await tokenOf(SHOPPER, { claims: { iss: "shop", aud: ["shop", "other"] } });
  expect(await authenticator({ issuer: "shop", audience: "shop" }).userOf(`Bearer ${token}`)).toBe(SHOPPER);
});

test("a cached token is valid until it expires", async () => {
  let time = Date.now();
  const gate = authenticator({ clock: { now: () => time } });
  const header = `Bearer ${await tokenOf(SHOPPER, { claims: { exp: now() + 100 } })}`;
  await gate.userOf(header);
  time += 100_000;
  // The clock tolerance applies to cached tokens too.
  expect(await gate.userOf(header)).toBe(SHOPPER);
  time += 10_000;
  await expect(gate.userOf(header)).rejects.toThrow("exp");
  await expect(gate.userOf(header)).rejects.toThrow("exp");
});

test("the cache is bounded and keeps the recently used entries", () => {
  const memory = new RecentlyUsed<string, number>(2);
  memory.set("a", 1);
  memory.set("b", 2);
  memory.set("a", 3);
  memory.set("c", 4);
  expect([memory.get("a"), memory.get("b"), memory.get("c"), memory.size]).toEqual([3, undefined, 4, 2]);
  memory.get("a");
  memory.set("d", 5);
  expect([memory.get("a"), memory.get("c"), memory.get("d"), memory.size]).toEqual([3, undefined, 5, 2]);
  memory.delete("a");
  memory.delete("nothing");
  expect([memory.get("a"), memory.size]).toEqual([undefined, 1]);
});

test.each(["JWT", "jwt", "at+jwt", "application/at+JWT", undefined])(
  "the type %s is accepted",
  async (type) => {
    const token = await tokenOf(SHOPPER, { type });
    expect(await authenticator().userOf(`Bearer ${token}`)).toBe(SHOPPER);
  },
);

test("a bare token is verified to the same user, with its session", async () => {
  const iat = now();
  const token = await tokenOf(SHOPPER, { claims: { sid: "s-1", jti: "t-1", iat, exp: iat + 60 } });
  const gate = authenticator();
  expect(await gate.verify(token)).toMatchObject({
    userId: SHOPPER,
    sessionId: "s-1",
    tokenId: "t-1",
    issuedAt: iat,
    expiresAt: (iat + 65) * 1_000,
  });
  await expect(gate.verify("x".repeat(5_000))).rejects.toThrow("too long");
  await expect(gate.verify("")).rejects.toMatchObject({ type: "unauthenticated" });
});

test("a revocation counts for a cached token, and only for its session", async () => {
  const revoked = new Set<string>();
  const gate = authenticator({
    revocations: { isRevoked: ({ sessionId }) => sessionId !== undefined && revoked.has(sessionId) },
  });
  const [one, two] = await Promise.all(["one", "two"].map((sid) => tokenOf(SHOPPER, { claims: { sid } })));
  expect(await gate.userOf(`Bearer ${one}`)).toBe(SHOPPER);
  revoked.add("one");
  await expect(gate.userOf(`Bearer ${one}`)).rejects.toThrow("sign in again");
  // For limits it is the same user, so that a revoked token is no way around them.
  expect(await gate.knownUserOf(`Bearer ${one}`)).toBe(SHOPPER);
  for (const header of [null, "", "Bearer", "Bearer x.y.z"])
    expect(await gate.knownUserOf(header)).toBeNull();
  expect(await gate.userOf(`Bearer ${two}`)).toBe(SHOPPER);
});
