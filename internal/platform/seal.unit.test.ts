// Sealed payment tokens: only the holder of the private key can open one, and only payment tokens open.
import { expect, jest, test } from "bun:test";
import { compactDecrypt, CompactEncrypt, decodeProtectedHeader, importJWK } from "jose";
import { createOpener, createSealer, generateSealingKeys, keyIds, withOlderKeys } from "./seal.ts";

const PURPOSE = "checkout-payment-method";
const keys = await generateSealingKeys();
const [seal, open] = [await createSealer(keys.publicJwk), await createOpener(keys.privateJwk)];

test("a sealed token can be opened, hides the token, and is different each time", async () => {
  const [sealed, again] = [await seal("pm_card_visa"), await seal("pm_card_visa")];
  expect(await open(sealed)).toBe("pm_card_visa");
  expect(sealed).not.toContain("pm_card_visa");
  expect(sealed).not.toBe(again);
  expect(sealed.length).toBeLessThan(400);
});

test("a changed token and plain text are rejected", async () => {
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

test("a token for another key pair is SEAL_KEY_UNKNOWN, with or without a key id", async () => {
  const other = await generateSealingKeys();
  for (const publicJwk of [other.publicJwk, withoutId(other.publicJwk)]) {
    const sealed = await (await createSealer(publicJwk))("pm_card_visa");
    await expect(open(sealed)).rejects.toMatchObject({ code: "SEAL_KEY_UNKNOWN" });
  }
});

test("a key set opens tokens sealed with any of its keys, with or without an id", async () => {
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

test("two keys with one id, no key, and a key set for a gateway are configuration faults", async () => {
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

test("content sealed with the same key for another purpose is not a payment token", async () => {
  const sealed = await sealedByJose("pm_card_visa", "something-else");
  await expect(open(sealed)).rejects.toMatchObject({ code: "SEAL_INVALID" });
});

/** Seals like older gateways, with one ephemeral key per token. Other tools may add the parties. */
async function sealedByJose(token: string, typ = PURPOSE, parties: { apu?: Buffer; apv?: Buffer } = {}) {
  return new CompactEncrypt(Buffer.from(token))
    .setProtectedHeader({ alg: "ECDH-ES", enc: "A256GCM", typ })
    .setKeyManagementParameters(parties)
    .encrypt(await importJWK(JSON.parse(keys.publicJwk), "ECDH-ES"));
}

test("a token sealed by an older gateway opens", async () => {
  expect(await open(await sealedByJose("pm_older"))).toBe("pm_older");
  const parties = { apu: Buffer.from("a gateway"), apv: Buffer.from("the payment service") };
  expect(await open(await sealedByJose("pm_other", PURPOSE, parties))).toBe("pm_other");
});

test("an older payment service opens new tokens", async () => {
  const key = await importJWK(JSON.parse(keys.privateJwk), "ECDH-ES");
  for (const token of ["pm_first", "pm_second", "pm_" + "x".repeat(197)]) {
    const { plaintext, protectedHeader } = await compactDecrypt(seal(token), key, {
      keyManagementAlgorithms: ["ECDH-ES"],
      contentEncryptionAlgorithms: ["A256GCM"],
    });
    expect(new TextDecoder().decode(plaintext)).toBe(token);
    expect(protectedHeader).toMatchObject({ typ: PURPOSE, kid: idOf(keys.publicJwk) });
  }
});

test("tokens share a key for one minute, and never share a nonce", async () => {
  jest.useFakeTimers();
  try {
    const sealHere = await createSealer(keys.publicJwk);
    const first = sealHere("pm_first");
    jest.advanceTimersByTime(59_000);
    const sameMinute = [first, ...Array.from({ length: 2_000 }, () => sealHere("pm_card_visa"))];
    expect(new Set(sameMinute.map(ephemeralKeyOf)).size).toBe(1);
    expect(new Set(sameMinute.map((sealed) => sealed.split(".")[2])).size).toBe(sameMinute.length);
    jest.advanceTimersByTime(1_001);
    const next = sealHere("pm_next");
    expect(ephemeralKeyOf(next)).not.toBe(ephemeralKeyOf(first));
    expect([await open(first), await open(next)]).toEqual(["pm_first", "pm_next"]);
  } finally {
    jest.useRealTimers();
  }
});

test("two gateways share no key", async () => {
  const other = await createSealer(keys.publicJwk);
  expect(ephemeralKeyOf(other("pm_card_visa"))).not.toBe(ephemeralKeyOf(seal("pm_card_visa")));
});

test("a change in any part of a token is rejected, also after the original was opened", async () => {
  const sealed = seal("pm_card_visa");
  await open(sealed);
  const parts = sealed.split(".");
  const wrong = [0, 2, 3, 4].map((at) => parts.with(at, changed(parts[at] ?? "")).join("."));
  wrong.push(
    parts.with(1, "AAAA").join("."),
    parts.with(4, "").join("."),
    parts.with(4, (parts[4] ?? "").slice(0, 8)).join("."),
    parts.with(2, "").join("."),
    parts.slice(0, 4).join("."),
    `${sealed}.AAAA`,
  );
  for (const one of wrong) await expect(open(one)).rejects.toMatchObject({ code: "SEAL_INVALID" });
  expect(await open(sealed)).toBe("pm_card_visa");
});

test.each([
  ["another algorithm", { alg: "ECDH-ES+A256KW" }],
  ["another content encryption", { enc: "A128GCM" }],
  ["compression", { zip: "DEF" }],
  ["an extension that must be understood", { crit: ["exp"] }],
  ["another curve", { epk: { kty: "OKP", crv: "X448", x: "" } }],
  ["a key without a secret", { epk: { kty: "OKP", crv: "X25519", x: "A".repeat(43) } }],
  ["no key", { epk: undefined }],
])("a header with %s is rejected", async (_, change) => {
  const [header, ...rest] = seal("pm_card_visa").split(".");
  const other = { ...JSON.parse(Buffer.from(header ?? "", "base64url").toString()), ...change };
  const forged = [Buffer.from(JSON.stringify(other)).toString("base64url"), ...rest].join(".");
  await expect(open(forged)).rejects.toMatchObject({ code: "SEAL_INVALID" });
});

function ephemeralKeyOf(sealed: string): string {
  return JSON.stringify(decodeProtectedHeader(sealed)["epk"]);
}

/** Changes the third character, whose bits are all significant. */
function changed(part: string): string {
  return part.slice(0, 2) + (part[2] === "A" ? "B" : "A") + part.slice(3);
}

test.each([
  ["not JSON", "pm"],
  ["not a key", "{}"],
  ["the other key of the pair", "other"],
])("a setting that is %s is a configuration fault", async (_, text) => {
  const [publicText, privateText] = text === "other" ? [keys.privateJwk, keys.publicJwk] : [text, text];
  await expect(createSealer(publicText)).rejects.toMatchObject({ code: "CONFIG_INVALID" });
  await expect(createOpener(privateText)).rejects.toMatchObject({ code: "CONFIG_INVALID" });
});
