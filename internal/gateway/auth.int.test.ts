// Tokens of an identity provider: a real HTTP server with a JSON Web Key Set, and the list of revoked sessions in a real Redis.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { type CryptoKey, exportJWK, exportSPKI, generateKeyPair, type JWK, SignJWT } from "jose";
import { createClient } from "redis";
import { TcpProxy } from "../faults/tcp-proxy.ts";
import { REVOCATION_SECONDS, type Revocation } from "../kernel/revocation.ts";
import { openRedis } from "../platform/redis.ts";
import { RevocationStore } from "../platform/revocation-store.ts";
import { realClock, SHOPPER, STRANGER } from "../testkit/gateway.ts";
import { checkedMeter, noLog, noMeter } from "../testkit/noop-telemetry.ts";
import { redisUrl } from "../testkit/servers.ts";
import { Authenticator } from "./auth.ts";
import { IssuerKeys, issuerKeysMetrics } from "./issuer-keys.ts";
import { Revocations, revocationMetrics } from "./revocations.ts";

const ISSUER = "https://id.example";
const AUDIENCE = "shop";
const now = () => Math.floor(Date.now() / 1_000);
/** An issuer that answers has more time than it needs on a busy machine. */
const FETCH_TIMEOUT_MS = 2_000;

interface Signer {
  readonly alg: string;
  readonly kid: string;
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
  readonly jwk: JWK;
}

async function signer(alg: string, kid: string): Promise<Signer> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { alg, kid, privateKey, publicKey, jwk: { ...(await exportJWK(publicKey)), kid, use: "sig" } };
}

interface Claims {
  readonly [claim: string]: unknown;
}

function tokenBy(
  { alg, kid, privateKey }: Signer,
  claims: Claims = {},
  header: object = {},
): Promise<string> {
  return new SignJWT({ iss: ISSUER, aud: AUDIENCE, sub: SHOPPER, iat: now(), exp: now() + 600, ...claims })
    .setProtectedHeader({ alg, kid, typ: "at+jwt", ...header })
    .sign(privateKey);
}

/** The identity provider's key set. What it answers can be changed. */
class Provider implements AsyncDisposable {
  keys: readonly JWK[] = [];
  answer: (() => Response | Promise<Response>) | undefined;
  asked = 0;
  readonly #server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: () => {
      this.asked += 1;
      return this.answer?.() ?? Response.json({ keys: this.keys });
    },
  });

  get url(): string {
    return `http://127.0.0.1:${this.#server.port}/jwks.json`;
  }

  async [Symbol.asyncDispose]() {
    await this.#server.stop(true);
  }
}

let rsa: Signer;
let elliptic: Signer;
let edwards: Signer;
let provider: Provider;
/** The gateway's clock is ahead by this. Milliseconds. */
let ahead = 0;
const clock = { now: () => Date.now() + ahead };

beforeAll(async () => {
  [rsa, elliptic, edwards] = await Promise.all([
    signer("RS256", "rsa"),
    signer("ES256", "elliptic"),
    signer("EdDSA", "edwards"),
  ]);
});
beforeEach(() => {
  ahead = 0;
});

function open() {
  const counted: string[] = [];
  const meter = checkedMeter((name, labels) => counted.push(`${name} ${labels["result"]}`));
  const keys = new IssuerKeys({
    url: provider.url,
    clock,
    log: noLog,
    metrics: issuerKeysMetrics(meter),
    timeoutMs: FETCH_TIMEOUT_MS,
  });
  const gate = new Authenticator({
    keys,
    issuer: ISSUER,
    audience: AUDIENCE,
    maxLifetimeSeconds: 3_600,
    clock,
  });
  return { keys, gate, counted };
}

describe("keys", () => {
  beforeEach(() => {
    provider = new Provider();
    provider.keys = [rsa.jwk, elliptic.jwk, edwards.jwk];
  });
  const close = () => provider[Symbol.asyncDispose]();

  test("RS256, ES256 and EdDSA are verified, with one request for the keys", async () => {
    const { gate } = open();
    for (const by of [rsa, elliptic, edwards]) {
      const { userId } = await gate.verify(await tokenBy(by));
      expect(userId).toBe(SHOPPER);
    }
    expect(provider.asked).toBe(1);
    await close();
  });

  test("rejected: another issuer, audience, time, type, algorithm or key", async () => {
    const { gate } = open();
    const stranger = await signer("RS256", "rsa");
    const claims = { iss: ISSUER, aud: AUDIENCE, sub: SHOPPER, iat: now(), exp: now() + 600 };
    const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
    // The old trick: the public key, which everyone has, as a shared secret.
    const asSecret = (text: string) =>
      new SignJWT(claims)
        .setProtectedHeader({ alg: "HS256", kid: "rsa" })
        .sign(new TextEncoder().encode(text));
    const pss = await generateKeyPair("PS256");
    const bad: Record<string, string> = {
      issuer: await tokenBy(rsa, { iss: "https://evil.example" }),
      "no issuer": await tokenBy(rsa, { iss: undefined }),
      audience: await tokenBy(rsa, { aud: "another shop" }),
      "no audience": await tokenBy(rsa, { aud: undefined }),
      expired: await tokenBy(rsa, { exp: now() - 60 }),
      "no expiry": await tokenBy(rsa, { exp: undefined }),
      "too long": await tokenBy(rsa, { exp: now() + 7_200 }),
      "from the future": await tokenBy(rsa, { iat: now() + 120 }),
      type: await tokenBy(rsa, {}, { typ: "logout+jwt" }),
      "a stranger's key under a known name": await tokenBy(stranger),
      "an unknown key": await tokenBy({ ...stranger, kid: "unknown" }),
      "another algorithm under a known name": await new SignJWT(claims)
        .setProtectedHeader({ alg: "PS256", kid: "rsa" })
        .sign(pss.privateKey),
      "the name of a key of another kind": await tokenBy({ ...elliptic, kid: "rsa" }),
      "a shared secret": await asSecret(JSON.stringify(rsa.jwk)),
      "a public key as the secret": await asSecret(await exportSPKI(rsa.publicKey)),
      none: `${base64({ alg: "none", kid: "rsa" })}.${base64(claims)}.`,
    };
    for (const [name, token] of Object.entries(bad)) {
      const result = await gate.verify(token).then(
        () => "accepted",
        (error: { type?: string }) => error.type,
      );
      expect([name, result]).toEqual([name, "unauthenticated"]);
    }
    // The cooldown: tokens with unknown keys cause no further request.
    expect(provider.asked).toBe(1);
    await close();
  });

  test("a token without a kid is accepted only if one key fits", async () => {
    const { gate } = open();
    expect((await gate.verify(await tokenBy(rsa, {}, { kid: undefined }))).userId).toBe(SHOPPER);
    const another = await signer("RS256", "second");
    provider.keys = [...provider.keys, another.jwk];
    const { gate: later } = open();
    await expect(later.verify(await tokenBy(another, {}, { kid: undefined }))).rejects.toMatchObject({
      type: "unauthenticated",
    });
    await close();
  });

  test("rotation: a new key is found by its first token, and a removed one counts no more, also for a cached token", async () => {
    const { gate, keys } = open();
    const old = await tokenBy(rsa);
    await gate.verify(old);
    const next = await signer("ES256", "next");
    provider.keys = [next.jwk, rsa.jwk];
    ahead += 11_000;
    expect((await gate.verify(await tokenBy(next))).userId).toBe(SHOPPER);
    expect((await gate.verify(old)).userId).toBe(SHOPPER);
    provider.keys = [next.jwk];
    await keys.refresh();
    await expect(gate.verify(old)).rejects.toMatchObject({ type: "unauthenticated" });
    expect((await gate.verify(await tokenBy(next))).userId).toBe(SHOPPER);
    await close();
  });

  test("many tokens of unknown keys cause one request", async () => {
    const { gate } = open();
    await gate.verify(await tokenBy(rsa));
    ahead += 11_000;
    const tokens = await Promise.all(
      Array.from({ length: 20 }, (_, index) => tokenBy({ ...rsa, kid: `unknown-${index}` })),
    );
    const results = await Promise.allSettled(tokens.map((token) => gate.verify(token)));
    expect(results.map(({ status }) => status)).toEqual(tokens.map(() => "rejected"));
    expect(provider.asked).toBe(2);
    await close();
  });

  test("a new key: no 401 two seconds after the last answer, neither while the issuer works nor while it is away", async () => {
    const { gate } = open();
    await gate.verify(await tokenBy(rsa));
    const next = await signer("ES256", "next");
    ahead += 2_000;
    provider.keys = [next.jwk];
    expect((await gate.verify(await tokenBy(next))).userId).toBe(SHOPPER);
    ahead += 2_000;
    provider.answer = () => new Response("no", { status: 500 });
    for (const later of [0, 5_000]) {
      ahead += later;
      const unknown = gate.verify(await tokenBy({ ...rsa, kid: "newer" }));
      await expect(unknown).rejects.toMatchObject({ code: "SERVICE_UNAVAILABLE" });
    }
    // One request while it is away, not one per token.
    expect(provider.asked).toBe(3);
    await close();
  });

  const broken: readonly [string, () => Response | Promise<Response>][] = [
    ["a page", () => new Response("<html>maintenance</html>")],
    ["an error", () => new Response("no", { status: 500 })],
    ["no keys", () => Response.json({ keys: [] })],
    ["another document", () => Response.json({ error: "x" })],
    ["only unusable keys", () => Response.json({ keys: [{ kty: "oct", k: "AA" }] })],
    ["half a document", () => new Response('{"keys":[{"kty":"RSA"')],
    ["a redirect", () => Response.redirect("https://evil.example/jwks.json")],
    ["too much", () => new Response(`{"keys":[],"x":"${"x".repeat(300_000)}"}`)],
    ["nothing in time", () => new Promise<Response>(() => undefined)],
  ];
  test.each(broken)("the last good keys stay in use while the issuer answers with %s", async (_, answer) => {
    const { gate, keys, counted } = open();
    await keys.refresh();
    await keys.ready();
    provider.answer = answer;
    await expect(keys.refresh()).rejects.toMatchObject({ code: "SERVICE_UNAVAILABLE" });
    await expect(keys.ready()).rejects.toThrow("JWT_JWKS_URL");
    expect((await gate.verify(await tokenBy(edwards))).userId).toBe(SHOPPER);
    // A key that is not known may be a new one: our fault, not the shopper's.
    ahead += 11_000;
    await expect(gate.verify(await tokenBy({ ...rsa, kid: "new" }))).rejects.toMatchObject({
      code: "SERVICE_UNAVAILABLE",
    });
    provider.answer = undefined;
    await keys.refresh();
    await keys.ready();
    expect(counted).toEqual([
      "token_key_fetches_total ok",
      "token_key_fetches_total failed",
      "token_key_fetches_total failed",
      "token_key_fetches_total ok",
    ]);
    await close();
  });

  test("the last good keys stay in use while the issuer is away; without any, the answer is no rejection", async () => {
    const { gate, keys } = open();
    await keys.refresh();
    const fresh = open();
    await close();
    await expect(keys.refresh()).rejects.toMatchObject({ code: "SERVICE_UNAVAILABLE" });
    expect((await gate.verify(await tokenBy(rsa))).userId).toBe(SHOPPER);
    await expect(fresh.gate.verify(await tokenBy(rsa))).rejects.toMatchObject({
      code: "SERVICE_UNAVAILABLE",
    });
  });
});

describe("revoked sessions", () => {
  let proxy: TcpProxy;
  let admin: ReturnType<typeof createClient>;
  beforeAll(async () => {
    const { hostname, port } = new URL(redisUrl());
    proxy = await TcpProxy.start({ host: hostname, port: Number(port || 6_379) }, 0);
    admin = createClient({ url: redisUrl() });
    await admin.connect();
  });
  beforeEach(async () => {
    await admin.del(["auth:revoked", "auth:revoked:version"]);
  });
  afterAll(async () => {
    await admin.close();
    await proxy[Symbol.asyncDispose]();
  });

  async function openGateway() {
    const redis = openRedis({ url: `redis://127.0.0.1:${proxy.port}`, timeoutMs: 5_000, log: noLog });
    await redis.requireSingleServer();
    const list = new RevocationStore(redis, realClock);
    const metrics = revocationMetrics(noMeter);
    const revocations = new Revocations({ list, clock, log: noLog, metrics });
    const keys = new IssuerKeys({
      url: provider.url,
      clock,
      log: noLog,
      metrics: issuerKeysMetrics(noMeter),
    });
    const gate = new Authenticator({ keys, issuer: ISSUER, audience: AUDIENCE, revocations, clock });
    return { redis, list, revocations, gate, [Symbol.asyncDispose]: () => redis[Symbol.asyncDispose]() };
  }

  const expiresAt = () => now() + REVOCATION_SECONDS;
  const accepts = async (gate: Authenticator, token: string) =>
    gate.verify(token).then(
      () => true,
      () => false,
    );

  test("are refused at every gateway, also for cached tokens, and while Redis is away", async () => {
    provider = new Provider();
    provider.keys = [rsa.jwk];
    await using one = await openGateway();
    await using two = await openGateway();
    const tokens = await Promise.all([
      tokenBy(rsa, { sid: "stolen", jti: "a" }),
      tokenBy(rsa, { sid: "kept", jti: "b" }),
      tokenBy(rsa, { sid: "kept", jti: "c" }),
      tokenBy(rsa, { sub: STRANGER, iat: now() - 10 }),
      tokenBy(rsa, { sub: STRANGER, iat: now() }),
    ]);
    const both = async () => {
      const results = [];
      for (const { gate } of [one, two])
        results.push(await Promise.all(tokens.map((token) => accepts(gate, token))));
      return results;
    };
    for (const { revocations } of [one, two]) await revocations.refresh();
    const all = [true, true, true, true, true];
    expect(await both()).toEqual([all, all]);
    const entries: readonly Revocation[] = [
      { kind: "session", id: "stolen", expiresAt: expiresAt() },
      { kind: "token", id: "c", expiresAt: expiresAt() },
      { kind: "user", id: STRANGER, issuedBefore: now() - 5, expiresAt: expiresAt() },
    ];
    await one.list.add(entries);
    for (const { revocations } of [one, two]) await revocations.refresh();
    const some = [false, true, false, false, true];
    expect(await both()).toEqual([some, some]);
    proxy.stall();
    await expect(one.revocations.refresh()).rejects.toMatchObject({ code: "REDIS_UNAVAILABLE" });
    expect(await both()).toEqual([some, some]);
    proxy.resume();
    await provider[Symbol.asyncDispose]();
  });

  test("come back after Redis has lost them", async () => {
    await using one = await openGateway();
    await one.list.add([{ kind: "session", id: "stolen", expiresAt: expiresAt() }]);
    await one.revocations.refresh();
    await admin.del(["auth:revoked", "auth:revoked:version"]);
    await one.revocations.refresh();
    await using later = await openGateway();
    await later.revocations.refresh();
    const session = { userId: SHOPPER, sessionId: "stolen", tokenId: undefined, issuedAt: now() };
    expect(later.revocations.isRevoked(session)).toBe(true);
  });

  test("are read in pages, the newest first; expired entries and foreign texts do not count", async () => {
    await using one = await openGateway();
    const many = Array.from({ length: 2_500 }, (_, index) => ({
      kind: "session" as const,
      id: `s-${index}`,
      expiresAt: expiresAt() + index,
    }));
    await one.list.add([...many, { kind: "session", id: "expired", expiresAt: now() - 1 }]);
    await admin.zAdd("auth:revoked", { value: "device:1", score: expiresAt() });
    const read = await one.list.read(undefined);
    expect(read).toMatchObject({ unread: 1 });
    expect(read?.revocations).toHaveLength(2_500);
    expect(read?.revocations[0]).toEqual(many.at(-1) ?? { kind: "session", id: "", expiresAt: 0 });
    expect(await one.list.read(read?.version)).toBeNull();
  });
});
