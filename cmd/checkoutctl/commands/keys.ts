// `checkoutctl keys`: makes and rotates the key pair that seals payment tokens, and makes the keys of those who call internal interfaces.
import { Type } from "@sinclair/typebox";
import { Option } from "@commander-js/extra-typings";
import {
  generateCallerKeys,
  KEY_KINDS,
  trustedKeys,
  withCallerKey,
} from "../../../internal/platform/caller-keys.ts";
import { accessConfig, parseConfig, secret } from "../../../internal/platform/config.ts";
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

const Trusted = Type.Partial(Type.Pick(Type.Object(accessConfig), ["TRUSTED_CALLERS_JWKS"]));

/** By the key's kind: the private key's setting, and whose key it is if nothing else is said. */
const HOLDER = {
  service: { setting: "GATEWAY_PRIVATE_JWK", owner: "gateway" },
  reader: { setting: "NOTIFICATION_PRIVATE_JWK", owner: "notification" },
  operators: { setting: "OPERATORS_PRIVATE_JWK", owner: "operators" },
} as const;

const caller = jsonCommand(
  "caller",
  "make a key pair for calls of internal interfaces, and add its public half to TRUSTED_CALLERS_JWKS of the environment, if that is set",
)
  .addOption(
    new Option(
      "--kind <kind>",
      "service: the gateway proves itself; reader: notification, which reads the catalogue; operators: signs the tokens of people",
    )
      .choices(KEY_KINDS)
      .makeOptionMandatory(),
  )
  .option("--issuer <name>", "whose key it is, lower case (default: gateway, notification, or operators)")
  .action(async ({ kind, issuer = HOLDER[kind].owner, ...options }) => {
    const { TRUSTED_CALLERS_JWKS: older } = parseConfig("checkoutctl", Trusted);
    const { publicJwk, privateJwk } = await generateCallerKeys(issuer, kind);
    // Complains about the set of the environment, and about the issuer.
    if (older !== undefined) await trustedKeys(older);
    const trusted = withCallerKey(publicJwk, older);
    await trustedKeys(trusted);
    const keys = { [HOLDER[kind].setting]: privateJwk, TRUSTED_CALLERS_JWKS: trusted };
    print(options, keys, () => assignments(keys));
  });

export const keysCommand = group("keys", "keys that seal payment tokens, and keys of internal callers")
  .addCommand(generate)
  .addCommand(rotate)
  .addCommand(caller);
