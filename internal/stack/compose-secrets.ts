// `bun internal/stack/compose-secrets.ts`: creates the secrets for compose.yaml once, in deploy/secrets.env, and the certificates behind the
// events of the simulated PayPal, in deploy/paypal. Compose passes each role its own; each private key goes to one of them only.
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { REPOSITORY } from "./paths.ts";
import { newSecrets } from "./secrets.ts";
import { ensurePayPalCertificates } from "./secure/paypal-certificates.ts";

/** As compose.yaml has it. */
const PAYPAL_FOLDER = "deploy/paypal";

await ensurePayPalCertificates(join(REPOSITORY, PAYPAL_FOLDER));
const file = join(REPOSITORY, "deploy/secrets.env");
if (existsSync(file)) {
  console.error(`${file} already exists; delete it to create new secrets`);
  process.exit(1);
}
const secrets = await newSecrets();
const postgresPassword = crypto.randomUUID();
const lines = [
  `POSTGRES_PASSWORD=${postgresPassword}`,
  `JWT_HS256_SECRET=${secrets.jwt_hs256_secret}`,
  `STRIPE_API_KEY=${secrets.stripe_api_key}`,
  `STRIPE_WEBHOOK_SECRET=${secrets.stripe_webhook_secret}`,
  `SHOP_LINK_SECRET=${secrets.shop_link_secret}`,
  `CONSOLE_SESSION_SECRET=${secrets.console_session_secret}`,
  // Single quotes, because JSON contains double quotes.
  `PAYMENT_PUBLIC_JWK='${secrets.payment_public_jwk}'`,
  `PAYMENT_PRIVATE_JWK='${secrets.payment_private_jwk}'`,
  `GATEWAY_PRIVATE_JWK='${secrets.gateway_private_jwk}'`,
  `NOTIFICATION_PRIVATE_JWK='${secrets.notification_private_jwk}'`,
  `OPERATORS_PRIVATE_JWK='${secrets.operators_private_jwk}'`,
  `TRUSTED_CALLERS_JWKS='${secrets.trusted_callers_jwks}'`,
];
writeFileSync(file, `${lines.join("\n")}\n`, { mode: 0o600 });
console.log(`wrote ${file}; now: docker compose --env-file deploy/secrets.env up --build --wait`);
