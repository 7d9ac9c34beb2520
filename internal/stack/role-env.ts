// The settings of every role in the local stack. `checkout-<role> --help` explains each variable.
import { dirname, join } from "node:path";
import { SUPER_USERS } from "../../schemas/access.ts";
import { DATABASES as OUTBOXES, type MigratedDatabase } from "../../schemas/migrations.ts";
import type { RedisUser } from "../../schemas/redis-users.ts";
import type { KafkaSettings } from "../platform/kafka/connection.ts";
import type { StackSecrets } from "./secrets.ts";
import { databaseUrl, databaseUrls, redisSettings } from "./secure/accounts.ts";
import { type CertificateFiles, certificateFiles, PAYPAL_SIGNER } from "./secure/certificate-files.ts";
import type { StackAddresses } from "./state.ts";

/** In start order; they stop in reverse order. */
export const ROLES = [
  "paysim",
  "inventory",
  "payment",
  "order",
  "notification",
  "orchestrator",
  "relay",
  "gateway",
  "console",
] as const;
export type Role = (typeof ROLES)[number];

/** Variables that a run changes, by role; for example the provider's latency for a benchmark. */
export type RoleOverrides = Readonly<Partial<Record<Role, Readonly<Record<string, string>>>>>;

/** Variables of a role that have changed since the stack was planned. */
export type Changes = (role: Role) => Readonly<Record<string, string>>;

/** Changes that make every role send its traces to the collector at `url`. The simulator is no part of the product. */
export function tracedTo(url: string, overrides: RoleOverrides = {}): RoleOverrides {
  const traced = ROLES.filter((role) => role !== "paysim");
  const settings = traced.map((role) => [role, { OTLP_URL: url, ...overrides[role] }] as const);
  return { ...overrides, ...Object.fromEntries(settings) };
}

/** Roles that serve requests in addition to the ops port. */
export const SERVING_ROLES: readonly Role[] = [
  "paysim",
  "inventory",
  "payment",
  "order",
  "orchestrator",
  "gateway",
  "console",
];

/**
 * By default Bun 1.4.5 searches for free memory to return whenever its event loop is idle for a moment. At 10,000 orders a minute this
 * costs a twentieth of a core in all roles together and doubles the page faults. Without it the stack uses a tenth more memory.
 */
const ALLOCATOR = { MIMALLOC_PURGE_HOLES: "0" };

/** Names the webhook in what PayPal signs; it is no secret. */
const PAYPAL_WEBHOOK_ID = "stack";

export interface RoleContext {
  readonly addresses: StackAddresses;
  readonly secrets: StackSecrets;
}

/** The settings of process number `replica` (from 1) of `role`, without OPS_PORT, PORT and LOG_LEVEL. */
export function roleEnvironment(role: Role, context: RoleContext, replica = 1): Record<string, string> {
  return { ...ALLOCATOR, ...settingsOf(role, context, replica) };
}

function settingsOf(
  role: Role,
  { addresses, secrets }: RoleContext,
  replica: number,
): Record<string, string> {
  const kafka = kafkaSettings(addresses, role === "relay" ? "relay-{database}" : role);
  const consumer = { ...kafka, INSTANCE_ID: replica === 1 ? "local" : `local-${replica}` };
  const redis = (user: RedisUser) => redisSettings(addresses, secrets, user);
  const callers = { TRUSTED_CALLERS_JWKS: secrets.trusted_callers_jwks };
  const database = (name: MigratedDatabase) => ({
    DATABASE_URL: databaseUrl(addresses, secrets, name, "app"),
  });
  switch (role) {
    case "paysim":
      return {
        LEDGER_FILE: addresses.ledger_file,
        PAYPAL_LEDGER_FILE: payPalLedgerFile(addresses.ledger_file),
        PUBLIC_URL: addresses.paysim,
        WEBHOOK_URL: `${addresses.payment}/webhooks/stripe`,
        WEBHOOK_SECRET: secrets.stripe_webhook_secret,
        ...payPalEvents(addresses),
      };
    case "inventory":
      return { ...consumer, ...redis("inventory"), ...database("inventory"), ...callers };
    case "payment":
      return {
        ...consumer,
        ...redis("payment"),
        ...database("payment"),
        ...callers,
        // Whoever plays the shopper opens the storefront here.
        SHOP_URL: addresses.gateway,
        ...providerSettings({ addresses, secrets }),
        PAYMENT_PRIVATE_JWK: secrets.payment_private_jwk,
      };
    case "order":
      return { ...consumer, ...redis("order"), ...database("order"), ...callers };
    case "notification":
      return {
        ...consumer,
        ...redis("notification"),
        ...database("notification"),
        ...mailSettings({ addresses, secrets }),
      };
    case "orchestrator":
      return { ...consumer, ...redis("orchestrator"), ...database("saga"), ...callers };
    case "relay":
      return { ...kafka, DATABASE_URLS: databaseList(addresses, secrets) };
    case "gateway":
      return {
        ...redis("gateway"),
        ORCHESTRATOR_URL: addresses.orchestrator,
        INVENTORY_URL: addresses.inventory,
        ORDER_URL: addresses.order,
        GATEWAY_PRIVATE_JWK: secrets.gateway_private_jwk,
        // The stack has no identity provider.
        JWT_DEVELOPMENT: "true",
        PAYMENT_URL: addresses.payment_internal,
        TEST_CARDS: "true",
        OFFER_PAYPAL: "true",
        JWT_HS256_SECRET: secrets.jwt_hs256_secret,
        SHOP_LINK_SECRET: secrets.shop_link_secret,
        PAYMENT_PUBLIC_JWK: secrets.payment_public_jwk,
        // A load run has few users and one address. The limits cost what they cost in production.
        RATE_LIMIT_FACTOR: "10000",
        BUN_CONFIG_MAX_HTTP_REQUESTS: "65535",
      };
    case "console":
      return consoleSettings({ addresses, secrets });
    default:
      return role satisfies never;
  }
}

/** Both providers are the simulator. */
function providerSettings({ addresses, secrets }: RoleContext): Record<string, string> {
  return {
    STRIPE_BASE_URL: addresses.paysim,
    STRIPE_API_KEY: secrets.stripe_api_key,
    STRIPE_WEBHOOK_SECRET: secrets.stripe_webhook_secret,
    ...payPalOfStack(addresses.paysim),
    PAYPAL_WEBHOOK_ID,
    // Where the simulator serves the certificate of its events.
    PAYPAL_CERTIFICATE_HOSTS: "127.0.0.1",
    PAYPAL_CERTIFICATE_ROOTS: payPalCertificates(addresses).caFile,
    // The simulator's lists do not lag.
    PAYPAL_SEARCH_LAG_MS: "0",
  };
}

/** Where the simulator's PayPal sends its events, and with what it signs them. */
function payPalEvents(addresses: StackAddresses): Record<string, string> {
  const { certFile, keyFile } = payPalCertificates(addresses);
  return {
    PAYPAL_API_URL: `${addresses.paysim}/paypal`,
    PAYPAL_WEBHOOK_URL: `${addresses.payment}/webhooks/paypal`,
    PAYPAL_WEBHOOK_ID,
    PAYPAL_CERTIFICATE_FILE: certFile,
    PAYPAL_CERTIFICATE_KEY_FILE: keyFile,
  };
}

/** The simulator's PayPal takes any credentials, so these are no secrets. */
export function payPalOfStack(paysim: string) {
  return {
    PAYPAL_CLIENT_ID: "stack",
    PAYPAL_CLIENT_SECRET: "any-secret",
    PAYPAL_BASE_URL: `${paysim}/paypal`,
  };
}

/** The ledger of the simulator's PayPal, beside that of its cards. */
export function payPalLedgerFile(ledgerFile: string): string {
  return join(dirname(ledgerFile), "paypal-ledger.jsonl");
}

/** The folder of the certificates behind PayPal's events, beside its ledger. */
export function payPalFolder(ledgerFile: string): string {
  return join(dirname(ledgerFile), "paypal-certificates");
}

function payPalCertificates({ ledger_file }: StackAddresses): CertificateFiles {
  return certificateFiles(payPalFolder(ledger_file), PAYPAL_SIGNER);
}

/** Mails have the names of products from inventory, and links to the shop. */
function mailSettings({ addresses, secrets }: RoleContext): Record<string, string> {
  return {
    SMTP_URL: addresses.smtp,
    INVENTORY_URL: addresses.inventory,
    NOTIFICATION_PRIVATE_JWK: secrets.notification_private_jwk,
    SHOP_URL: addresses.gateway,
    SHOP_LINK_SECRET: secrets.shop_link_secret,
  };
}

/** The console reads everything, and acts through the orchestrator. */
function consoleSettings({ addresses, secrets }: RoleContext): Record<string, string> {
  return {
    ...databaseSettings({ addresses, secrets }, "console"),
    ...kafkaSettings(addresses, "console"),
    ORCHESTRATOR_URL: addresses.orchestrator,
    OPS_URLS: namesAndUrls(addresses.ops),
    TRUSTED_CALLERS_JWKS: secrets.trusted_callers_jwks,
    CONSOLE_SESSION_SECRET: secrets.console_session_secret,
    ...(addresses.alertmanager === undefined ? {} : { ALERTMANAGER_URL: addresses.alertmanager }),
  };
}

/** The settings of checkoutctl, which can reach everything, and in a secure stack may migrate and rebuild. */
export function operatorEnvironment({ addresses, secrets }: RoleContext): Record<string, string> {
  return {
    ...databaseSettings({ addresses, secrets }, "migrator"),
    ...kafkaSettings(addresses, "operator"),
    ...redisSettings(addresses, secrets, "operator"),
    INVENTORY_URL: addresses.inventory,
    ORCHESTRATOR_URL: addresses.orchestrator,
    ORDER_URL: addresses.order,
    GATEWAY_URL: addresses.gateway,
    OPS_URLS: namesAndUrls(addresses.ops),
    LEDGER_FILE: addresses.ledger_file,
    STRIPE_API_KEY: secrets.stripe_api_key,
    STRIPE_BASE_URL: addresses.paysim,
    ...payPalOfStack(addresses.paysim),
    PAYPAL_LEDGER_FILE: payPalLedgerFile(addresses.ledger_file),
    JWT_HS256_SECRET: secrets.jwt_hs256_secret,
    OPERATORS_PRIVATE_JWK: secrets.operators_private_jwk,
    TRUSTED_CALLERS_JWKS: secrets.trusted_callers_jwks,
  };
}

/** Where Kafka is, and in a secure stack who asks: an account of schemas/access.ts. */
export function kafkaSettings(
  {
    kafka_brokers,
    certificates,
  }: { readonly kafka_brokers: string; readonly certificates?: string | undefined },
  account: string,
): Readonly<Record<string, string>> & KafkaSettings {
  if (certificates === undefined) return { KAFKA_BROKERS: kafka_brokers };
  const { caFile, certFile, keyFile } = certificateFiles(certificates, account);
  return {
    KAFKA_BROKERS: kafka_brokers,
    KAFKA_SECURITY_PROTOCOL: "SSL",
    KAFKA_CA_FILE: caFile,
    KAFKA_CERT_FILE: certFile,
    KAFKA_KEY_FILE: keyFile,
  };
}

/** The account that creates topics and access lists. */
export function deploySettings(addresses: StackAddresses): Readonly<Record<string, string>> & KafkaSettings {
  return kafkaSettings(addresses, SUPER_USERS.deploy);
}

/** All databases for one of their roles, under the names that console and checkoutctl give them. */
export function databaseSettings(
  { addresses, secrets }: Pick<RoleContext, "addresses" | "secrets">,
  role: "console" | "migrator" | "audit",
): Record<string, string> {
  const urls = databaseUrls(addresses, secrets, role);
  return {
    SAGA_DATABASE_URL: urls.saga ?? "",
    INVENTORY_DATABASE_URL: urls.inventory ?? "",
    PAYMENT_DATABASE_URL: urls.payment ?? "",
    ORDER_DATABASE_URL: urls.order ?? "",
    NOTIFICATION_DATABASE_URL: urls.notification ?? "",
  };
}

/** `saga=postgres://...,inventory=...`: the databases with an outbox. */
function databaseList(addresses: StackAddresses, secrets: StackSecrets): string {
  const urls = databaseUrls(addresses, secrets, "relay");
  return OUTBOXES.filter((name) => urls[name] !== undefined)
    .map((name) => `${name}=${urls[name]}`)
    .join(",");
}

/** The form of OPS_URLS. */
export function namesAndUrls(urls: Readonly<Record<string, string>>): string {
  return Object.entries(urls)
    .map(([name, url]) => `${name}=${url}`)
    .join(",");
}
