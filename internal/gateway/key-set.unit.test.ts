// Which keys of a JSON Web Key Set may verify tokens, and for which algorithms.
import { expect, test } from "bun:test";
import { exportJWK, generateKeyPair } from "jose";
import { keySetOf } from "./key-set.ts";

async function jwkOf(alg: string, extra: object = {}, options: object = {}) {
  const { publicKey } = await generateKeyPair(alg, { extractable: true, ...options });
  return { ...(await exportJWK(publicKey)), kid: alg, ...extra };
}

test("each kind of key accepts its own algorithms only", async () => {
  const jwks = await Promise.all([
    jwkOf("RS256"),
    jwkOf("ES256"),
    jwkOf("Ed25519"),
    jwkOf("EdDSA", { alg: "EdDSA" }),
  ]);
  const { keys, leftOut } = await keySetOf({ keys: jwks });
  expect(keys.map(({ kid, algorithms }) => [kid, algorithms])).toEqual([
    ["RS256", ["RS256"]],
    ["ES256", ["ES256"]],
    ["Ed25519", ["EdDSA", "Ed25519"]],
    ["EdDSA", ["EdDSA"]],
  ]);
  expect(leftOut).toEqual([]);
});

test("keys that cannot be used are left out with the reason, and the others are kept", async () => {
  const good = await jwkOf("ES256");
  const pair = await generateKeyPair("ES256", { extractable: true });
  const { keys, leftOut } = await keySetOf({
    keys: [
      { kty: "oct", k: "c2VjcmV0", kid: "shared" },
      await jwkOf("ES384"),
      await jwkOf("RS256", { alg: "RS512", kid: "other alg" }),
      await jwkOf("RS256", { use: "enc", kid: "encrypts" }),
      await jwkOf("RS256", { key_ops: ["encrypt"], kid: "ops" }),
      { ...(await exportJWK(pair.privateKey)), kid: "private" },
      { kty: "EC", crv: "P-256", x: "AA", y: "AA", kid: "no point" },
      { ...good, kid: 7 },
      { kty: "RSA", n: Buffer.alloc(128, 0xff).toString("base64url"), e: "AQAB", kid: "short" },
      "text",
      null,
      good,
    ],
  });
  expect(keys.map(({ kid }) => kid)).toEqual(["ES256"]);
  expect(leftOut).toEqual([
    'key "shared": oct is not supported',
    'key "ES384": EC P-384 is not supported',
    'key "other alg": its algorithm (alg) is not RS256',
    'key "encrypts": it is not for signatures (use)',
    'key "ops": it is not for verifying (key_ops)',
    'key "private": it is a private key: the issuer must replace it',
    'key "no point": its values are not valid',
    "key number 8: its kid is not text",
    'key "short": it has 1024 bits, at least 2048 are needed',
    "key number 10: it is not an object",
    "key number 11: it is not an object",
  ]);
});

test.each([
  ["null", null],
  ["text", "keys"],
  ["a list", []],
  ["an object without keys", {}],
  ["keys that are no list", { keys: {} }],
  ["no keys", { keys: [] }],
  ["only unusable keys", { keys: [{ kty: "oct", k: "AA" }] }],
])("a document with %s is an error, not an empty set", async (_, document) => {
  await expect(keySetOf(document)).rejects.toThrow("JSON Web Key Set");
});

test("the same key has the same identity in two documents; a changed one has not", async () => {
  const jwk = await jwkOf("ES256");
  const identityOf = async (keys: readonly unknown[]) => (await keySetOf({ keys })).keys[0]?.identity;
  expect(await identityOf([jwk])).toBe((await identityOf([{ ...jwk, x5t: "other" }])) ?? "");
  expect(await identityOf([jwk])).not.toBe(await identityOf([await jwkOf("ES256")]));
});
