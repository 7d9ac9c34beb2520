// The settings of checkoutctl, from the environment or from a local stack that is up. A command reads only the settings that it
// needs, so minting a token needs no database.
import { readFileSync } from "node:fs";
import { type Static, Type } from "@sinclair/typebox";
import { AppError } from "../../internal/kernel/errors.ts";
import {
  ConfigError,
  kafkaConfig,
  misspeltNames,
  parseConfig,
  redisSentinels,
  secret,
  warningsOf,
} from "../../internal/platform/config.ts";
import type { KafkaSettings } from "../../internal/platform/kafka/connection.ts";
import { passingFaults, securityFaults } from "../../internal/platform/kafka/security.ts";
import { stackDirectory } from "../../internal/stack/paths.ts";
import {
  databaseSettings,
  kafkaSettings,
  namesAndUrls,
  payPalLedgerFile,
  payPalOfStack,
} from "../../internal/stack/role-env.ts";
import type { StackSecrets } from "../../internal/stack/secrets.ts";
import { redisSettings } from "../../internal/stack/secure/accounts.ts";
import { readState, type StackState } from "../../internal/stack/state.ts";

const database = (owner: string) =>
  secret(Type.String({ format: "postgres-url", description: `the database of ${owner}` }));

export const Environment = Type.Partial(
  Type.Object({
    SAGA_DATABASE_URL: database("the orchestrator"),
    INVENTORY_DATABASE_URL: database("inventory"),
    PAYMENT_DATABASE_URL: database("payment"),
    ORDER_DATABASE_URL: database("order"),
    NOTIFICATION_DATABASE_URL: database("notification"),
    ...kafkaConfig,
    REDIS_URL: secret(Type.String({ format: "redis-url", description: "the gateways' Redis" })),
    REDIS_SENTINELS: redisSentinels,
    INVENTORY_URL: Type.String({ format: "url", description: "inventory's catalogue interface" }),
    ORCHESTRATOR_URL: Type.String({ format: "url", description: "the orchestrator's interface" }),
    ORDER_URL: Type.String({ format: "url", description: "the order service's interface" }),
    GATEWAY_URL: Type.String({ format: "url", description: "the gateway, as shoppers reach it" }),
    OPS_URLS: Type.String({
      format: "named-urls",
      description:
        "the operators' address (OPS_PORT) of each role process, for example payment=http://10.0.0.3:9100",
    }),
    TRACE_URL_TEMPLATE: Type.String({
      pattern: "^https?://.*\\{trace_id\\}",
      description: "address of a trace in your tracing system, with {trace_id} in it; `saga show` prints it",
    }),
    LEDGER_FILE: Type.String({ description: "the provider simulator's ledger file" }),
    PAYSIM_URL: Type.String({
      format: "url",
      description: "the provider simulator, if its ledger file cannot be read from here",
    }),
    STRIPE_API_KEY: secret(
      Type.String({ minLength: 1, description: "the payment service's API key at the provider" }),
    ),
    STRIPE_BASE_URL: Type.String({
      format: "url",
      description: "base URL of the simulator or another Stripe API; Stripe's own if not set",
    }),
    PAYPAL_CLIENT_ID: Type.String({
      minLength: 1,
      description: "client id of the PayPal REST app; without it, commands leave PayPal out",
    }),
    PAYPAL_CLIENT_SECRET: secret(Type.String({ minLength: 1, description: "secret of the PayPal REST app" })),
    PAYPAL_BASE_URL: Type.String({
      format: "url",
      description: "base URL of PayPal's sandbox or of the simulator; PayPal's own if not set",
    }),
    PAYPAL_LEDGER_FILE: Type.String({
      description: "the ledger file of the provider simulator's PayPal; the audit reads it too if it is set",
    }),
    JWT_HS256_SECRET: secret(Type.String({ description: "the gateway's secret for development tokens" })),
    OPERATOR_TOKEN: secret(
      Type.String({
        minLength: 1,
        description:
          "your own token, from `checkoutctl token --operator`; it says who you are and what you may do",
      }),
    ),
    TRUSTED_CALLERS_JWKS: Type.String({
      minLength: 2,
      description:
        "the services' TRUSTED_CALLERS_JWKS: verifies your token; if set, every command that changes something needs a token, also on databases",
    }),
    OPERATORS_PRIVATE_JWK: secret(
      Type.String({
        minLength: 2,
        description:
          "private key (JWK, kind operators) that signs operators' tokens; whoever has it can be any operator, so keep it where tokens are made",
      }),
    ),
  }),
);
type Values = Static<typeof Environment>;
export type SettingName = keyof Values;

/** Yours rather than the system's: it also counts beside a stack's settings. */
const PERSONAL = "OPERATOR_TOKEN";

export interface Settings {
  /** Whether they come from a local stack. */
  readonly areOfStack: boolean;
  /** The value. Throws CONFIG_INVALID that names the setting and both ways to set it. */
  need(name: SettingName): string;
  /** The value, undefined if it is not set. Throws CONFIG_INVALID if your own token is in a file that cannot be used. */
  optional(name: SettingName): string | undefined;
  /** Path or URL of the provider's ledger. */
  ledger(): string;
  /** How Kafka is reached. Throws CONFIG_INVALID for what the settings say together, and for files that cannot be used. */
  kafka(): KafkaSettings;
}

/**
 * `stack` is the value of `--stack`: true for the default directory, a path, or undefined if it was not given. All settings come
 * from one source: the stack of `--stack`, else the environment. If the environment has no setting at all, a stack that is up in
 * the default directory is used, and stderr says so. A stack never fills gaps: a command would work on two systems at once. Only your
 * own token comes from the environment in any case.
 */
export function loadSettings(stack: string | true | undefined): Settings {
  const directory = stackDirectory(stack === true ? undefined : stack);
  const state = readState(directory);
  const isUp = state !== null && state.phase !== "stopped";
  if (stack !== undefined && !isUp) {
    throw new AppError(
      "CONFIG_INVALID",
      `no stack is up in ${directory}: start one with \`npm run stack up\``,
    );
  }
  const fromEnvironment =
    stack === undefined ? parseConfig("checkoutctl", Type.Omit(Environment, [PERSONAL])) : {};
  const isUnset = Object.keys(fromEnvironment).length === 0;
  const isTaken = isUp && isUnset;
  if (isTaken && stack === undefined)
    process.stderr.write(
      `checkoutctl: no setting is set, so all come from the local stack in ${directory}\n`,
    );
  // Only here: beside other settings, a command names the one that it misses.
  const misspelt = stack === undefined && isUnset ? misspeltNames() : [];
  for (const warning of misspelt) process.stderr.write(`checkoutctl: warning: ${warning}\n`);
  for (const warning of warningsOf(stack === undefined ? Environment : Type.Pick(Environment, [PERSONAL])))
    process.stderr.write(`checkoutctl: warning: ${warning}\n`);
  const values: Values = isTaken ? valuesOf(state) : fromEnvironment;
  // When it is needed: the file of a token that is gone must not stop the command that makes a new one.
  const optional = (name: SettingName): string | undefined =>
    name === PERSONAL ? parseConfig("checkoutctl", Type.Pick(Environment, [name]))[name] : values[name];
  const otherwise = isUp
    ? `use --stack to take all settings from the local stack in ${directory}`
    : "start a local stack (npm run stack up)";
  const need = (name: SettingName): string => {
    const value = optional(name);
    if (value !== undefined) return value;
    const { description } = Environment.properties[name];
    throw new AppError("CONFIG_INVALID", `${name} (${description}) is not set: set it, or ${otherwise}`);
  };
  return {
    areOfStack: isTaken,
    need,
    optional,
    kafka: () => {
      const kafka = { ...values, KAFKA_BROKERS: need("KAFKA_BROKERS") };
      const faults = new Set([...securityFaults(kafka), ...passingFaults(kafka)]);
      if (faults.size > 0) throw new ConfigError("checkoutctl", [...faults]);
      return kafka;
    },
    ledger: () =>
      values.LEDGER_FILE === undefined && values.PAYSIM_URL !== undefined
        ? new URL("/_sim/ledger", values.PAYSIM_URL).href
        : need("LEDGER_FILE"),
  };
}

function valuesOf({ addresses }: StackState): Values {
  const {
    kafka_brokers,
    certificates,
    inventory,
    orchestrator,
    order,
    gateway,
    ops,
    paysim,
    ledger_file,
    secrets_file,
  } = addresses;
  const secrets: StackSecrets = JSON.parse(readFileSync(secrets_file, "utf8"));
  const all = {
    ...databaseSettings({ addresses, secrets }, "migrator"),
    ...kafkaSettings({ kafka_brokers, certificates }, "operator"),
    ...redisSettings(addresses, secrets, "operator"),
    INVENTORY_URL: inventory,
    ORCHESTRATOR_URL: orchestrator,
    ORDER_URL: order,
    GATEWAY_URL: gateway,
    OPS_URLS: ops === undefined ? undefined : namesAndUrls(ops),
    LEDGER_FILE: ledger_file,
    STRIPE_API_KEY: secrets.stripe_api_key,
    STRIPE_BASE_URL: paysim,
    ...payPalOfStack(paysim),
    PAYPAL_LEDGER_FILE: payPalLedgerFile(ledger_file),
    JWT_HS256_SECRET: secrets.jwt_hs256_secret,
    TRUSTED_CALLERS_JWKS: secrets.trusted_callers_jwks,
    OPERATORS_PRIVATE_JWK: secrets.operators_private_jwk,
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}
