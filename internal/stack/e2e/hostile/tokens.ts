// Tokens that must let nobody in: each differs from a good one in one thing. Called by hostile.e2e.test.ts.
import { createHmac } from "node:crypto";
import { exportJWK, generateKeyPair } from "jose";
import type { IdentityProvider } from "../../alerts-drill/identity-provider.ts";

const USER = "01890000-0000-7000-8000-00000000000a";

/** What a client sends as `Authorization`, by what is wrong with it. */
export async function badAuthorizations(
  provider: IdentityProvider,
  developmentSecret: string,
): Promise<ReadonlyMap<string, string>> {
  const now = Math.floor(Date.now() / 1_000);
  const good = await provider.tokenOf(USER);
  const [header = "", claims = "", signature = ""] = good.split(".");
  const stranger = await generateKeyPair("ES256");
  const strangers = await exportJWK(stranger.publicKey);
  const sign = provider.sign.bind(provider);
  const tokens: Readonly<Record<string, string | Promise<string>>> = {
    "an expired one": sign({ sub: USER, iat: now - 7_200, exp: now - 3_600 }),
    "one that is not valid yet": sign({ sub: USER, nbf: now + 3_600 }),
    "one that never expires": sign({ sub: USER, exp: undefined }),
    "one that lives for ten years": sign({ sub: USER, exp: now + 10 * 365 * 86_400 }),
    "another issuer's": sign({ sub: USER, iss: "https://elsewhere.example" }),
    "one without an issuer": sign({ sub: USER, iss: undefined }),
    "another audience's": sign({ sub: USER, aud: "another-shop" }),
    "one without an audience": sign({ sub: USER, aud: undefined }),
    "one without a subject": sign({}),
    "one with an empty subject": sign({ sub: "" }),
    "one with a number as subject": sign({ sub: 7 }),
    "a logout token": sign({ sub: USER }, { typ: "logout+jwt" }),
    "one with an extension that must be understood": sign({ sub: USER, x: 1 }, { crit: ["x"], x: 1 }).catch(
      () => `${encoded({ alg: "ES256", kid: "drill", crit: ["x"], x: 1 })}.${claims}.${signature}`,
    ),
    "one of an unknown key": sign({ sub: USER }, { kid: "unknown" }),
    "one whose key id is a path": sign({ sub: USER }, { kid: "../../etc/passwd" }),
    "one of another key under a known id": sign({ sub: USER }, {}, stranger.privateKey),
    "one that brings its own key": sign({ sub: USER }, { jwk: strangers }, stranger.privateKey),
    "one that says where its keys are": sign(
      { sub: USER },
      { jku: "http://127.0.0.1:9/keys" },
      stranger.privateKey,
    ),
    "one without a signature, as `none`": `${encoded({ alg: "none", typ: "JWT" })}.${claims}.`,
    "one without a signature, as `None`": `${encoded({ alg: "None", typ: "JWT" })}.${claims}.`,
    "one of a shared secret": hmacToken(claims, developmentSecret),
    "one whose secret is the public key": hmacToken(claims, JSON.stringify(provider.publicKey)),
    "one with another user's claims": `${header}.${encoded({ ...decoded(claims), sub: "somebody" })}.${signature}`,
    "one whose signature is cut": good.slice(0, -10),
    "one whose signature is empty": `${header}.${claims}.`,
    "one that is cut in the middle": good.slice(0, good.length / 2),
    "one with four parts": `${good}.${signature}`,
    "one of 5,000 characters": await sign({ sub: USER, more: "x".repeat(5_000) }),
    "one of 12,000 letters": "x".repeat(12_000),
    "dots only": "..",
    "a word": "admin",
  };
  const named = await Promise.all(
    Object.entries(tokens).map(async ([name, token]) => [name, `Bearer ${await token}`] as const),
  );
  return new Map([
    ...named,
    ["an empty header", ""],
    ["no scheme", good],
    ["no token", "Bearer"],
    ["another scheme", `Basic ${Buffer.from(`${USER}:`).toString("base64")}`],
    ["two tokens", `Bearer ${good} ${good}`],
  ]);
}

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function decoded(part: string): object {
  return JSON.parse(Buffer.from(part, "base64url").toString());
}

function hmacToken(claims: string, secret: string): string {
  const signed = `${encoded({ alg: "HS256", typ: "JWT", kid: "drill" })}.${claims}`;
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}
