// The payment token's way through systems that must not read it: only the holder of the private key can, and only a token.
import { expect, test } from "bun:test";
import { CompactEncrypt, importJWK } from "jose";
import { createOpener, createSealer, generateSealingKeys } from "./seal.ts";

const keys = await generateSealingKeys();
const [seal, open] = [await createSealer(keys.publicJwk), await createOpener(keys.privateJwk)];

test("what is sealed can be opened, hides the token, and never looks the same twice", async () => {
  const [sealed, again] = [await seal("pm_card_visa"), await seal("pm_card_visa")];
  expect(await open(sealed)).toBe("pm_card_visa");
  expect(sealed).not.toContain("pm_card_visa");
  expect(sealed).not.toBe(again);
  expect(sealed.length).toBeLessThan(400);
});

test("another pair's token, a changed one and plain text are refused", async () => {
  const other = await createSealer((await generateSealingKeys()).publicJwk);
  const sealed = await seal("pm_card_visa");
  const [header, ...rest] = sealed.split(".");
  const ciphertext = rest[2] ?? "";
  const forged = [
    header,
    ...rest.with(2, (ciphertext.startsWith("A") ? "B" : "A") + ciphertext.slice(1)),
  ].join(".");
  for (const wrong of [await other("pm_card_visa"), forged, "pm_card_visa", ""])
    await expect(open(wrong)).rejects.toMatchObject({ code: "SEAL_INVALID" });
});

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
