// `checkoutctl keys`: makes and rotates the key pair that seals payment tokens.
import { Type } from "@sinclair/typebox";
import { parseConfig, secret } from "../../../internal/platform/config.ts";
import { createOpener, generateSealingKeys, withOlderKeys } from "../../../internal/platform/seal.ts";
import { group, jsonCommand, print } from "../command.ts";

const generate = jsonCommand(
  "generate",
  "make a sealing key pair; only the payment service may hold the private key",
).action(async (options) => {
  const { publicJwk, privateJwk } = await generateSealingKeys();
  const keys = { PAYMENT_PUBLIC_JWK: publicJwk, PAYMENT_PRIVATE_JWK: privateJwk };
  print(options, keys, () => assignments(keys));
});

const Current = Type.Object({
  PAYMENT_PRIVATE_JWK: secret(Type.String({ description: "the key in use, from the environment" })),
});

/** In the format of an environment file. */
function assignments(keys: Readonly<Record<string, string>>): string {
  return Object.entries(keys)
    .map(([name, value]) => `${name}='${value}'`)
    .join("\n");
}

const rotate = jsonCommand(
  "rotate",
  "make a new pair and keep the private keys of PAYMENT_PRIVATE_JWK with it; deploy it to the payment service first",
).action(async (options) => {
  const { PAYMENT_PRIVATE_JWK: older } = parseConfig("checkoutctl", Current);
  await createOpener(older);
  const { publicJwk, privateJwk } = await generateSealingKeys();
  const keys = { PAYMENT_PUBLIC_JWK: publicJwk, PAYMENT_PRIVATE_JWK: withOlderKeys(privateJwk, older) };
  print(options, keys, () => assignments(keys));
});

export const keysCommand = group("keys", "keys that seal payment tokens")
  .addCommand(generate)
  .addCommand(rotate);
