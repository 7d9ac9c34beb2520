// Finds misspelt setting names in the environment and among the credentials: a misspelt limit is a limit that is silently not set. Called by config.ts for
// every role.
//
// Roles often share one environment file, so a setting of any role is accepted in all. Names that resemble none of our settings
// belong to other software.
import { credentialOf, fileSettingOf, givenCredentials, type Environment } from "./secret-files.ts";

/** Every setting of every role and of checkoutctl. A unit test compares the list with the declarations. */
export const SETTING_NAMES: readonly string[] = [
  "ACTION_DEADLINE_MS",
  "ALERTMANAGER_URL",
  "AUTHORIZE_FIRST",
  "BUN_CONFIG_MAX_HTTP_REQUESTS",
  "CHARGE_EXECUTION_MS",
  "CONSOLE_READ_ONLY",
  "CONSOLE_SESSION_SECRET",
  "CONSOLE_URL",
  "CORS_ORIGINS",
  "DATABASE_POOL_SIZE",
  "DATABASE_URL",
  "DATABASE_URLS",
  "FORWARD_DEADLINE_MS",
  "GATEWAY_PRIVATE_JWK",
  "GATEWAY_URL",
  "HOST",
  "INSTANCE_ID",
  "INTAKE_LINGER_MS",
  "INTAKE_MAX_OPEN_SAGAS",
  "INTAKE_MAX_UNPUBLISHED",
  "INTERNAL_HOST",
  "INTERNAL_PORT",
  "INVENTORY_DATABASE_URL",
  "INVENTORY_URL",
  "JWT_AUDIENCE",
  "JWT_DEVELOPMENT",
  "JWT_HS256_SECRET",
  "JWT_ISSUER",
  "JWT_JWKS_URL",
  "JWT_MAX_LIFETIME_SECONDS",
  "JWT_TYPES",
  "KAFKA_BROKERS",
  "KAFKA_CA_FILE",
  "KAFKA_CERT_FILE",
  "KAFKA_KEY_FILE",
  "KAFKA_PASSWORD_FILE",
  "KAFKA_SASL_MECHANISM",
  "KAFKA_SECURITY_PROTOCOL",
  "KAFKA_USERNAME",
  "KEY_TTL_SECONDS",
  "LATENCY",
  "LEDGER_FILE",
  "LOG_LEVEL",
  "MAIL_FROM",
  "MAIL_RETRY_HOURS",
  "MAX_EVENT_STREAMS",
  "NOTIFICATION_DATABASE_URL",
  "NOTIFICATION_PRIVATE_JWK",
  "OFFER_PAYPAL",
  "OIDC_CLIENT_ID",
  "OIDC_CLIENT_SECRET",
  "OIDC_ISSUER",
  "OIDC_NAME_CLAIM",
  "OIDC_OPERATOR_ROLE",
  "OIDC_ROLES_CLAIM",
  "OIDC_SCOPES",
  "OIDC_VIEWER_ROLE",
  "OPERATORS_PRIVATE_JWK",
  "OPERATOR_TOKEN",
  "OPS_HOST",
  "OPS_PORT",
  "OPS_URLS",
  "ORCHESTRATOR_URL",
  "ORDER_BLOCKED_COUNTRIES",
  "ORDER_DATABASE_URL",
  "ORDER_URL",
  "OTLP_HEADERS",
  "OTLP_URL",
  "PAYMENT_DATABASE_URL",
  "PAYMENT_MARK",
  "PAYMENT_PRIVATE_JWK",
  "PAYMENT_PUBLIC_JWK",
  "PAYMENT_URL",
  "PAYPAL_API_URL",
  "PAYPAL_BASE_URL",
  "PAYPAL_CERTIFICATE_FILE",
  "PAYPAL_CERTIFICATE_HOSTS",
  "PAYPAL_CERTIFICATE_KEY_FILE",
  "PAYPAL_CERTIFICATE_ROOTS",
  "PAYPAL_CLIENT_ID",
  "PAYPAL_CLIENT_SECRET",
  "PAYPAL_KEY_TTL_SECONDS",
  "PAYPAL_LEDGER_FILE",
  "PAYPAL_SEARCH_LAG_MS",
  "PAYPAL_WEBHOOK_ID",
  "PAYPAL_WEBHOOK_URL",
  "PAYSIM_URL",
  "PERSONAL_DATA_DAYS",
  "PICTURE_HOSTS",
  "PORT",
  "PROVIDER_CONCURRENCY",
  "PUBLIC_URL",
  "PUBLISH_AFTER_COMMIT",
  "RATE_LIMIT_ADDRESS",
  "RATE_LIMIT_ADDRESS_CHECKOUTS",
  "RATE_LIMIT_FACTOR",
  "RATE_LIMIT_NETWORK_CARDS",
  "RATE_LIMIT_NETWORK_DECLINES",
  "RATE_LIMIT_TOTAL",
  "RATE_LIMIT_TOTAL_CHECKOUTS",
  "RATE_LIMIT_USER",
  "RATE_LIMIT_USER_CARDS",
  "RATE_LIMIT_USER_CHECKOUTS",
  "RATE_LIMIT_USER_DECLINES",
  "RATE_LIMIT_USER_OPEN",
  "RECONCILE_GRACE_MS",
  "RECONCILE_INTERVAL_MS",
  "REDIS_SENTINELS",
  "REDIS_URL",
  "RESEND_CAP_MS",
  "RESEND_FIRST_MS",
  "RESERVATION_HOLD_MS",
  "SAGA_DATABASE_URL",
  "SEARCH_LAG_MS",
  "SEED",
  "SERVED_NAMES",
  "SHOP_CURRENCIES",
  "SHOP_LINK_SECRET",
  "SHOP_NAME",
  "SHOP_URL",
  "SHUTDOWN_DEADLINE_MS",
  "SHUTDOWN_DELAY_MS",
  "SIGN_IN_URL",
  "SMTP_MAX_CONNECTIONS",
  "SMTP_URL",
  "STOREFRONT",
  "STRIPE_API_KEY",
  "STRIPE_BASE_URL",
  "STRIPE_PUBLISHABLE_KEY",
  "STRIPE_WEBHOOK_SECRET",
  "STUCK_AFTER_MS",
  "SWEEP_INTERVAL_MS",
  "TEST_CARDS",
  "TRACE_ASKED_PER_SECOND",
  "TRACE_SAMPLE_RATIO",
  "TRACE_URL_TEMPLATE",
  "TRUSTED_CALLERS_JWKS",
  "TRUSTED_PROXIES",
  "UNSIGNED_GATEWAY_UNTIL",
  "WEBHOOK_SECRET",
  "WEBHOOK_URL",
];

/** Those of them that are secrets. A unit test compares this list, too. */
export const SECRET_NAMES: readonly string[] = [
  "CONSOLE_SESSION_SECRET",
  "DATABASE_URL",
  "DATABASE_URLS",
  "GATEWAY_PRIVATE_JWK",
  "INVENTORY_DATABASE_URL",
  "JWT_HS256_SECRET",
  "NOTIFICATION_DATABASE_URL",
  "NOTIFICATION_PRIVATE_JWK",
  "OIDC_CLIENT_SECRET",
  "OPERATORS_PRIVATE_JWK",
  "OPERATOR_TOKEN",
  "ORDER_DATABASE_URL",
  "OTLP_HEADERS",
  "PAYMENT_DATABASE_URL",
  "PAYMENT_PRIVATE_JWK",
  "PAYPAL_CLIENT_SECRET",
  "REDIS_SENTINELS",
  "REDIS_URL",
  "SAGA_DATABASE_URL",
  "SHOP_LINK_SECRET",
  "SMTP_URL",
  "STRIPE_API_KEY",
  "STRIPE_WEBHOOK_SECRET",
  "WEBHOOK_SECRET",
];

/** Prefixes that only our settings have. Any other name with such a prefix is a misspelt setting. */
const OUR_WORDS =
  /^(FORWARD|INTAKE|JWT|RATE_LIMIT|RECONCILE|RESEND|RESERVATION|SERVED|SHUTDOWN|STUCK|SWEEP)_/;
/** Shorter names are one letter away from too many foreign names. */
const MIN_COMPARED_LENGTH = 7;
/** Names of at least this length may have two typos. */
const LONG_NAME_LENGTH = 12;

/** Settings of earlier versions, with their names now. */
const RENAMED: Readonly<Record<string, string>> = { INTAKE_GATHER_MS: "INTAKE_LINGER_MS" };

const SECRET_FILES: readonly string[] = SECRET_NAMES.map(fileSettingOf);
const ALL_NAMES: readonly string[] = [...SETTING_NAMES, ...SECRET_FILES];
const known = new Set(ALL_NAMES);

/** One message for each misspelt setting in `names`. */
export function misspeltSettings(names: readonly string[]): readonly string[] {
  return names.flatMap((name) => {
    if (known.has(name)) return [];
    const whole = name.replace(/_FILE$/, "");
    if (whole !== name && whole.length >= MIN_COMPARED_LENGTH && known.has(whole))
      return [`${name} is not a setting of any role: ${whole} is no secret, so give it as itself`];
    const meant = RENAMED[name] ?? likeliest(name.toUpperCase());
    if (meant === undefined && !OUR_WORDS.test(name)) return [];
    const hint = meant === undefined ? "remove it" : `rename it to ${meant} or remove it`;
    return [`${name} is not a setting of any role: ${hint}`];
  });
}

/** The same for the files in $CREDENTIALS_DIRECTORY. One that resembles none of our secrets is other software's. */
export function misspeltCredentials(env: Environment): readonly string[] {
  const usedFiles = new Set(Object.values(env));
  return givenCredentials(env).flatMap(({ file, name }) => {
    const setting = name.toUpperCase();
    const isSecret = SECRET_NAMES.includes(setting);
    // A file may have any name if a setting says so, for example KAFKA_KEY_FILE=%d/kafka_key_file.
    if (usedFiles.has(file) || (isSecret && name === credentialOf(setting))) return [];
    if (known.has(setting) && !isSecret)
      return [`the credential ${file} has no effect: ${setting} is no secret, so give it as a setting`];
    const meant = likeliest(setting, SECRET_NAMES);
    if (meant === undefined && !OUR_WORDS.test(setting)) return [];
    const hint = meant === undefined ? "remove it" : `rename it to ${credentialOf(meant)} or remove it`;
    return [`the credential ${file} is not a secret of any role: ${hint}`];
  });
}

function likeliest(name: string, settings = ALL_NAMES): string | undefined {
  if (name.length < MIN_COMPARED_LENGTH) return undefined;
  const allowed = name.length < LONG_NAME_LENGTH ? 1 : 2;
  const [nearest] = settings
    .filter((setting) => setting.length >= MIN_COMPARED_LENGTH)
    .map((setting) => ({ setting, distance: editDistance(name, setting) }))
    .filter(({ distance }) => distance <= allowed)
    .toSorted((a, b) => a.distance - b.distance);
  return nearest?.setting;
}

/**
 * The number of inserted, deleted, changed or swapped neighbouring letters that turn `a` into `b` (optimal string alignment,
 * Damerau 1964: no letter is edited twice).
 */
export function editDistance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  const at = (i: number, j: number) => rows[i]?.[j] ?? Infinity;
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    rows.push(row);
    for (let j = 1; j <= b.length; j++) {
      const isSwap = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row[j] = Math.min(
        at(i - 1, j) + 1,
        at(i, j - 1) + 1,
        at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1),
        isSwap ? at(i - 2, j - 2) + 1 : Infinity,
      );
    }
  }
  return at(a.length, b.length);
}
