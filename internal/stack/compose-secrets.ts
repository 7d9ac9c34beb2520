// Makes the secrets that compose.yaml asks for, once: `bun internal/stack/compose-secrets.ts` writes deploy/secrets.env. Compose hands each
// role its own; only the payment service ever gets the private key.
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { REPOSITORY } from "./paths.ts";
import { newSecrets } from "./secrets.ts";

const file = join(REPOSITORY, "deploy/secrets.env");
if (existsSync(file)) {
  console.error(`${file} is already there; delete it to make new ones`);
  process.exit(1);
}
const secrets = await newSecrets();
const postgresPassword = crypto.randomUUID();
const lines = [
  `POSTGRES_PASSWORD=${postgresPassword}`,
  `JWT_HS256_SECRET=${secrets.jwt_hs256_secret}`,
  `STRIPE_API_KEY=${secrets.stripe_api_key}`,
  `STRIPE_WEBHOOK_SECRET=${secrets.stripe_webhook_secret}`,
  // Single quotes: JSON is full of the double ones.
  `PAYMENT_PUBLIC_JWK='${secrets.payment_public_jwk}'`,
  `PAYMENT_PRIVATE_JWK='${secrets.payment_private_jwk}'`,
];
writeFileSync(file, `${lines.join("\n")}\n`, { mode: 0o600 });
console.log(`wrote ${file}; now: docker compose --env-file deploy/secrets.env up --build --wait`);
