// The secrets of one data directory, created once: the gateway's token secret, the secret of links in mails, the key pair that seals payment
// tokens, the keys of those who call internal interfaces, and the provider keys. For development only; in production the operator gives each role its own.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { generateCallerKeys, publicHalf, withCallerKey } from "../platform/caller-keys.ts";
import { generateSealingKeys } from "../platform/seal.ts";

export interface StackSecrets {
  readonly jwt_hs256_secret: string;
  readonly payment_public_jwk: string;
  readonly payment_private_jwk: string;
  /** Signs the gateway's requests to the services. */
  readonly gateway_private_jwk: string;
  /** Signs notification's requests to inventory. */
  readonly notification_private_jwk: string;
  /** Signs the tokens of operators. */
  readonly operators_private_jwk: string;
  /** The public halves of the three. */
  readonly trusted_callers_jwks: string;
  readonly stripe_api_key: string;
  /** Signs the simulator's events. */
  readonly stripe_webhook_secret: string;
  /** Signs the links in mails. */
  readonly shop_link_secret: string;
  /** Signs the sessions of the console. */
  readonly console_session_secret: string;
  /** Of which the passwords of a stack with `--secure` are made; see secure/accounts.ts. */
  readonly accounts_secret: string;
}

export function secretsFile(dataDirectory: string): string {
  return join(dataDirectory, "secrets.json");
}

export async function ensureSecrets(dataDirectory: string): Promise<StackSecrets> {
  const file = secretsFile(dataDirectory);
  const kept: Partial<StackSecrets> = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
  // Adds secrets that an older version did not create.
  const secrets = withTrust(kept, { ...(await newSecrets()), ...kept });
  writeFileSync(file, `${JSON.stringify(secrets, null, 2)}\n`, { mode: 0o600 });
  return secrets;
}

/** A version without notification's key made a set without it. */
function withTrust(
  { trusted_callers_jwks: trusted, notification_private_jwk: known }: Partial<StackSecrets>,
  secrets: StackSecrets,
): StackSecrets {
  if (trusted === undefined || known !== undefined) return secrets;
  return {
    ...secrets,
    trusted_callers_jwks: withCallerKey(publicHalf(secrets.notification_private_jwk), trusted),
  };
}

export async function newSecrets(): Promise<StackSecrets> {
  const sealing = await generateSealingKeys();
  const gateway = await generateCallerKeys("gateway", "service");
  const notification = await generateCallerKeys("notification", "reader");
  const operators = await generateCallerKeys("operators", "operators");
  return {
    jwt_hs256_secret: randomText(48),
    payment_public_jwk: sealing.publicJwk,
    payment_private_jwk: sealing.privateJwk,
    gateway_private_jwk: gateway.privateJwk,
    notification_private_jwk: notification.privateJwk,
    operators_private_jwk: operators.privateJwk,
    trusted_callers_jwks:
      [gateway, notification, operators].reduce<string | undefined>(
        (set, { publicJwk }) => withCallerKey(publicJwk, set),
        undefined,
      ) ?? "",
    // Hex, because a key consists of letters and digits.
    stripe_api_key: `sk_test_${randomHex()}`,
    stripe_webhook_secret: `whsec_${randomHex()}`,
    shop_link_secret: randomText(48),
    console_session_secret: randomText(48),
    accounts_secret: randomText(48),
  };
}

function randomHex(): string {
  return crypto.getRandomValues(new Uint8Array(24)).toHex();
}

function randomText(bytes: number): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(bytes))).toString("base64url");
}
