// Imports the keys for payment tokens from the settings PAYMENT_PUBLIC_JWK and PAYMENT_PRIVATE_JWK. Called by seal.ts.
import { createPrivateKey, createPublicKey, type KeyObject } from "node:crypto";
import type { JWK } from "jose";
import { AppError } from "../kernel/errors.ts";
import { agreeWith, CURVE } from "./key-agreement.ts";

export interface SealingKey {
  readonly key: KeyObject;
  readonly kid: string | undefined;
}

export function importKeys(text: string): readonly SealingKey[] {
  const keys = asSetting("private", () => jwksOf(text)).map((jwk) => importOne(jwk, "private"));
  const ids = keys.map(({ kid }) => kid);
  if (new Set(ids).size < ids.length)
    throw new AppError(
      "CONFIG_INVALID",
      "PAYMENT_PRIVATE_JWK has two keys with the same kid: each key needs its own",
    );
  return keys;
}

export function importKey(text: string): SealingKey {
  const [jwk, ...more] = asSetting("public", () => jwksOf(text));
  if (jwk === undefined || more.length > 0)
    throw new AppError("CONFIG_INVALID", "PAYMENT_PUBLIC_JWK is not one key: set it to the newest key only");
  return importOne(jwk, "public");
}

/** The keys of a JWK set, or the single key. */
export function jwksOf(text: string): readonly JWK[] {
  const parsed: JWK | { readonly keys: readonly JWK[] } = JSON.parse(text);
  const keys = "keys" in parsed && Array.isArray(parsed.keys) ? parsed.keys : [parsed];
  if (keys.length === 0) throw new Error("it has no key");
  return keys;
}

function importOne(jwk: JWK, half: "public" | "private"): SealingKey {
  return asSetting(half, () => {
    if (jwk.crv !== CURVE) throw new Error(`its curve is not ${CURVE}`);
    if ((jwk.d !== undefined) !== (half === "private")) throw new Error(`it is not a ${half} key`);
    const { kty = "", crv, x = "", d } = jwk;
    const key =
      d === undefined
        ? createPublicKey({ key: { kty, crv, x }, format: "jwk" })
        : createPrivateKey({ key: { kty, crv, x, d }, format: "jwk" });
    // Some keys, for example all zeros, allow no key agreement. Fail at start, not at each checkout.
    agreeWith(half === "private" ? createPublicKey(key) : key);
    return { key, kid: jwk.kid };
  });
}

function asSetting<T>(half: "public" | "private", read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw unusable(half, cause);
  }
}

function unusable(half: "public" | "private", cause: unknown): AppError {
  return new AppError(
    "CONFIG_INVALID",
    `PAYMENT_${half.toUpperCase()}_JWK is not a usable ${half} key; \`checkoutctl keys generate\` makes a pair`,
    { cause },
  );
}
