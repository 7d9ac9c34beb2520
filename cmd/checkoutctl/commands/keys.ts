// `checkoutctl keys`: the pair that seals payment tokens.
import { generateSealingKeys } from "../../../internal/platform/seal.ts";
import { group, jsonCommand, print } from "../command.ts";

const generate = jsonCommand(
  "generate",
  "make a sealing key pair; the private half belongs to the payment service alone",
).action(async (options) => {
  const { publicJwk, privateJwk } = await generateSealingKeys();
  const keys = { PAYMENT_PUBLIC_JWK: publicJwk, PAYMENT_PRIVATE_JWK: privateJwk };
  print(options, keys, () =>
    Object.entries(keys)
      .map(([name, value]) => `${name}='${value}'`)
      .join("\n"),
  );
});

export const keysCommand = group("keys", "keys that seal payment tokens").addCommand(generate);
