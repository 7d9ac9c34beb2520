// The payment token's way through systems that must not read it: only the holder of the private key can, and only a token.
import { expect, test } from "bun:test";
import { CompactEncrypt, importJWK } from "jose";
import { createOpener, createSealer, generateSealingKeys, keyIds, withOlderKeys } from "./seal.ts";

const keys = await generateSealingKeys();
const [seal, open] = [await createSealer(keys.publicJwk), await createOpener(keys.privateJwk)];

test("what is sealed can be opened, hides the token, and never looks the same twice", async () => {
  const [sealed, again] = [await seal("pm_card_visa"), await seal("pm_card_visa")];
  expect(await open(sealed)).toBe("pm_card_visa");
  expect(sealed).not.toContain("pm_card_visa");
  expect(sealed).not.toBe(again);
  expect(sealed.length).toBeLessThan(400);
});

test("a changed token and plain text are refused", async () => {
  const sealed = await seal("pm_card_visa");
  const [header, ...rest] = sealed.split(".");
  const ciphertext = rest[2] ?? "";
  const forged = [
    header,
    ...rest.with(2, (ciphertext.startsWith("A") ? "B" : "A") + ciphertext.slice(1)),
  ].join(".");
  for (const wrong of [forged, "pm_card_visa", "", "a.b.c.d.e", "{}"])
    await expect(open(wrong)).rejects.toMatchObject({ code: "SEAL_INVALID" });
});

test("another pair's token may be somebody else's to open, whether or not the pair has an id", async () => {
  const other = await generateSealingKeys();
  for (const publicJwk of [other.publicJwk, withoutId(other.publicJwk)]) {
    const sealed = await (await createSealer(publicJwk))("pm_card_visa");
    await expect(open(sealed)).rejects.toMatchObject({ code: "SEAL_KEY_UNKNOWN" });
  }
});

test("a set of keys opens what was sealed to any of them, with or without an id", async () => {
  const [older, newer, nameless] = [keys, await generateSealingKeys(), await generateSealingKeys()];
  const set = withOlderKeys(
    newer.privateJwk,
    withOlderKeys(older.privateJwk, withoutId(nameless.privateJwk)),
  );
  expect(keyIds(set)).toEqual([idOf(newer.publicJwk), idOf(older.publicJwk), "-"]);
  const openAny = await createOpener(set);
  for (const publicJwk of [
    older.publicJwk,
    newer.publicJwk,
    nameless.publicJwk,
    withoutId(nameless.publicJwk),
  ]) {
    const sealed = await (await createSealer(publicJwk))("pm_card_visa");
    expect(await openAny(sealed)).toBe("pm_card_visa");
  }
});

test("two keys of one id, no key, and a set for a gateway are faults of the configuration", async () => {
  const twice = withOlderKeys(keys.privateJwk, keys.privateJwk);
  await expect(createOpener(twice)).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  await expect(createOpener('{"keys":[]}')).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  const set = withOlderKeys(keys.publicJwk, (await generateSealingKeys()).publicJwk);
  await expect(createSealer(set)).rejects.toMatchObject({ code: "CONFIG_INVALID" });
});

function withoutId(jwk: string): string {
  return JSON.stringify({ ...JSON.parse(jwk), kid: undefined });
}

function idOf(jwk: string): string {
  const { kid }: { kid: string } = JSON.parse(jwk);
  return kid;
}

test("something else sealed to the same key is no payment token", async () => {
  const key = await importJWK(JSON.parse(keys.publicJwk), "ECDH-ES");
  const header = { alg: "ECDH-ES", enc: "A256GCM", typ: "something-else" };
  const sealed = await new CompactEncrypt(Buffer.from("pm_card_visa"))
    .setProtectedHeader(header)
    .encrypt(key);
  await expect(open(sealed)).rejects.toMatchObject({ code: "SEAL_INVALID" });
});

test.each([
  ["no JSON", "pm"],
  ["no key", "{}"],
  ["the other half", "other"],
])("a key that is %s is a fault of the configuration that does not repeat it", async (_, text) => {
  const [publicText, privateText] = text === "other" ? [keys.privateJwk, keys.publicJwk] : [text, text];
  await expect(createSealer(publicText)).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  await expect(createOpener(privateText)).rejects.toMatchObject({ code: "CONFIG_INVALID" });
});
