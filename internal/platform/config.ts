// The only place that reads the environment. A role declares its variables in one TypeBox object. All faults are reported at
// once, each with a fix and never with the value, which may be a secret. Called by lifecycle.ts for every role, and by
// checkoutctl.
import { FormatRegistry, type Static, type TObject, type TSchema, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { plural } from "../kernel/counted.ts";
import { AppError } from "../kernel/errors.ts";
import { isKnownCurrency } from "../kernel/money.ts";
import { partsOfList } from "../kernel/named-values.ts";
import { misspeltCredentials, misspeltSettings } from "./misspelt.ts";
import { isPostgresUrl } from "./postgres-address.ts";
import { sentinelUrls, SENTINELS_FORM } from "./sentinel-address.ts";
import { credentialOf, type Environment, fileSettingOf, findSecret } from "./secret-files.ts";

/** EX_CONFIG of sysexits.h. systemd's RestartPreventExitStatus lists it, because a restart does not help. */
export const EXIT_CONFIG = 78;

export class ConfigError extends AppError {
  readonly faults: readonly string[];

  constructor(role: string, faults: readonly string[]) {
    const lines = faults.map((fault) => `  ${fault}`).join("\n");
    super(
      "CONFIG_INVALID",
      `${role}: the configuration has ${plural(faults.length, "fault")}:\n${lines}\nSee ${role} --help for every variable.`,
    );
    this.name = "ConfigError";
    this.faults = faults;
  }
}

/** Marks a variable that must not be shown or logged. */
export function secret<Schema extends TSchema>(schema: Schema): Schema {
  return { ...schema, secret: true };
}

function isSecret(schema: TSchema): boolean {
  return schema["secret"] === true;
}

/** Groups of variables that several roles share: `Type.Object({ ...commonConfig, ...kafkaConfig, OWN: ... })`. */
export const commonConfig = {
  OPS_HOST: Type.String({
    default: "127.0.0.1",
    minLength: 1,
    description: "listen address of /healthz, /readyz and /metrics",
  }),
  OPS_PORT: Type.Integer({
    default: 0,
    minimum: 0,
    maximum: 65_535,
    description: "port of /healthz, /readyz and /metrics; 0 picks a free port and logs it",
  }),
  LOG_LEVEL: Type.Union(
    [Type.Literal("debug"), Type.Literal("info"), Type.Literal("warn"), Type.Literal("error")],
    { default: "info", description: "lowest level that is logged" },
  ),
  OTLP_URL: Type.Optional(
    Type.String({
      format: "url",
      description:
        "collector that takes traces, http://host:4318; spans go to /v1/traces below it, as OTLP in JSON; without it nothing is traced",
    }),
  ),
  OTLP_HEADERS: Type.Optional(
    secret(
      Type.String({
        format: "header-list",
        description: "header fields for the collector, for example a token: name=value, separated by commas",
      }),
    ),
  ),
  SHUTDOWN_DELAY_MS: Type.Integer({
    default: 0,
    minimum: 0,
    maximum: 600_000,
    description:
      "how long the role still serves after SIGTERM, in ms, while /readyz is 503 and a load balancer takes it out. Set it above the time that the balancer needs to notice; 30000 more, and no status call is interrupted",
  }),
  SHUTDOWN_DEADLINE_MS: Type.Integer({
    default: 20_000,
    minimum: 100,
    maximum: 600_000,
    description: "time limit to finish work in flight after SIGTERM, in ms",
  }),
};

const fileOf = (description: string) => Type.Optional(Type.String({ minLength: 1, description }));

/** What these say together is checked by `securityFaults` (kafka/security.ts). */
export const kafkaConfig = {
  KAFKA_BROKERS: Type.String({
    format: "brokers",
    description: "Kafka bootstrap brokers, host:port separated by commas",
  }),
  KAFKA_SECURITY_PROTOCOL: Type.Optional(
    Type.Union([Type.Literal("PLAINTEXT"), Type.Literal("SSL"), Type.Literal("SASL_SSL")], {
      description:
        "how Kafka is reached. SSL: encrypted, the account is that of KAFKA_CERT_FILE; SASL_SSL: encrypted, the account is KAFKA_USERNAME; PLAINTEXT (default): open, for brokers that nobody else can reach",
    }),
  ),
  KAFKA_CA_FILE: fileOf("PEM file: the authority that signed the brokers' certificates"),
  KAFKA_CERT_FILE: fileOf("PEM file: the certificate of this client; its common name is the account"),
  KAFKA_KEY_FILE: fileOf("PEM file: the key of KAFKA_CERT_FILE, without a passphrase"),
  KAFKA_SASL_MECHANISM: Type.Optional(
    Type.Union([Type.Literal("SCRAM-SHA-512"), Type.Literal("SCRAM-SHA-256"), Type.Literal("PLAIN")], {
      description: "how the password is proven with SASL_SSL; SCRAM-SHA-512 if not set",
    }),
  ),
  KAFKA_USERNAME: Type.Optional(Type.String({ minLength: 1, description: "the account, with SASL_SSL" })),
  KAFKA_PASSWORD_FILE: fileOf("file with the password of KAFKA_USERNAME"),
};

export const publishingConfig = {
  PUBLISH_AFTER_COMMIT: Type.Boolean({
    default: true,
    description:
      "true: the role publishes its events right after the commit, and the relay publishes the rest; false: the relay publishes all",
  }),
};

export const consumerConfig = {
  ...kafkaConfig,
  INSTANCE_ID: Type.Optional(
    Type.String({
      pattern: "^[A-Za-z0-9._-]{1,100}$",
      description:
        "name of this instance, unique within its role, for example the host name; after a restart under the same name it gets its partitions back at once",
    }),
  ),
};

export const postgresConfig = {
  DATABASE_URL: secret(Type.String({ format: "postgres-url", description: "the role's own database" })),
  DATABASE_POOL_SIZE: Type.Integer({
    default: 8,
    minimum: 2,
    maximum: 100,
    description: "number of database connections, half for transactions and half for single statements",
  }),
};

export const shopNameConfig = {
  SHOP_NAME: Type.String({
    default: "Larkfield",
    minLength: 1,
    maxLength: 60,
    pattern: "^\\P{Cc}*$",
    description:
      "the shop's name on its pages and in its mails; the same for the gateway and the notification service",
  }),
};

/** For `startErasing`. */
export const personalDataDays = (description: string, days: number) =>
  Type.Integer({ default: days, minimum: 0, maximum: 36_500, description });

export const redisSentinels = secret(
  Type.String({
    format: "redis-sentinels",
    description:
      "Sentinels that name the master, which this process follows after a failover. REDIS_URL then gives only user, password, database and encryption of the servers; its host and port are ignored",
  }),
);

export const redisConfig = {
  REDIS_URL: secret(
    Type.String({
      format: "redis-url",
      description: "Redis, used as a cache: the role also works without it",
    }),
  ),
  REDIS_SENTINELS: Type.Optional(redisSentinels),
};

/** The HTTP address of a role. `what` names the served API; `note` says who may reach it. */
export const listenConfig = (what: string, note?: string) => ({
  HOST: Type.String({
    default: "127.0.0.1",
    minLength: 1,
    description: `listen address of ${what}${note === undefined ? "" : `; ${note}`}`,
  }),
  PORT: Type.Integer({ minimum: 0, maximum: 65_535, description: `port of ${what}` }),
});

/** For `startHttp`. */
export const httpConfig = (what: string, note?: string) => ({
  ...listenConfig(what, note),
  SERVED_NAMES: Type.String({
    default: "",
    format: "host-names",
    description:
      "accepted Host names, separated by commas; addresses, localhost and the machine's own name always work, other names get 421",
  }),
});

/** For `trustedKeys`. */
export const trustedCallers = (description: string) => Type.String({ minLength: 2, description });

/** For a role with an internal API, and `openAccess`. */
export const accessConfig = {
  TRUSTED_CALLERS_JWKS: trustedCallers(
    "public keys (JWK set) of those who may call internal interfaces: the gateway's, the operators' and, for inventory, notification's; `checkoutctl keys caller` makes keys",
  ),
  UNSIGNED_GATEWAY_UNTIL: Type.Optional(
    Type.String({
      pattern: "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d(:\\d\\d(\\.\\d+)?)?(Z|[+-]\\d\\d:\\d\\d)$",
      description:
        "only for an upgrade from a version without tokens: until this time, at most 7 days ahead, a request without a token counts as the gateway's; what operators do still needs a token",
    }),
  ),
};
/** For a role that must know where its requests come from. */
export const trustedProxies = (what: string) =>
  Type.Integer({
    default: 0,
    minimum: 0,
    maximum: 10,
    description: `how many proxies of your own are in front of ${what}, each adding to X-Forwarded-For; 0: the client's address is the connection's`,
  });

/** For the roles where prices and carts come in. */
export const shopConfig = {
  SHOP_CURRENCIES: Type.String({
    default: "",
    format: "currencies",
    description:
      "currencies in which the shop sells, separated by commas; others are rejected, in prices and in carts; empty: all that can be charged. The same for gateway and inventory",
  }),
};

/** For a role that consumes commands or events, has a database and publishes from it. */
export const serviceConfig = {
  ...commonConfig,
  ...consumerConfig,
  ...publishingConfig,
  ...postgresConfig,
  ...redisConfig,
};

/**
 * Reads and checks the variables that `schema` declares. A secret may also be in a file, see secret-files.ts. An unset or empty variable gets its default; without a default it is a
 * fault unless it is optional. Undeclared variables are ignored. Throws ConfigError with all faults.
 */
export function parseConfig<Schema extends TObject>(
  role: string,
  schema: Schema,
  env: Environment = process.env,
): Static<Schema> {
  const faults: string[] = [];
  const config: Record<string, unknown> = {};
  for (const [name, variable] of Object.entries(schema.properties)) {
    const found = isSecret(variable) ? findSecret(name, env) : undefined;
    if (found?.fault !== undefined) {
      faults.push(`${found.fault} (${variable.description})`);
      continue;
    }
    const text = found === undefined ? env[name] : found.text;
    if (text === undefined || text === "") {
      if (variable.default !== undefined) config[name] = variable.default;
      else if (schema.required?.includes(name))
        faults.push(
          `${name} is missing: set it to ${expectation(variable)}${wayOfSecrets(name, variable)} (${variable.description})`,
        );
      continue;
    }
    // A secret with a trailing newline is a different secret, and blanks alone are no value.
    if (text !== text.trim()) {
      faults.push(`${name} starts or ends with blanks, or is blank: remove them (${variable.description})`);
      continue;
    }
    const value = convert(text, variable);
    if (Value.Check(variable, value)) config[name] = value;
    else faults.push(`${name} is not valid: set it to ${expectation(variable)} (${variable.description})`);
  }
  if (faults.length > 0) throw new ConfigError(role, faults);
  return config;
}

/**
 * The same for a role. Here a misspelt setting or credential is also a fault: a role's environment is written for it, while checkoutctl
 * runs in a person's shell.
 */
export function parseRoleConfig<Schema extends TObject>(
  role: string,
  schema: Schema,
  env: Environment = process.env,
): Static<Schema> {
  const misspelt = [...misspeltSettings(Object.keys(env)), ...misspeltCredentials(env)];
  if (misspelt.length === 0) return parseConfig(role, schema, env);
  throw new ConfigError(role, [...faultsOf(role, schema, env), ...misspelt]);
}

/** The other way to give a secret. */
function wayOfSecrets(name: string, variable: TSchema): string {
  return isSecret(variable)
    ? `, or put it into a file and name that in ${fileSettingOf(name)}; under systemd, into the unit's folder of secrets, as ${credentialOf(name)}`
    : "";
}

/** What should be changed about the files with secrets, although they can be used. */
export function warningsOf(schema: TObject, env: Environment = process.env): readonly string[] {
  return Object.entries(schema.properties).flatMap(([name, variable]) =>
    isSecret(variable) ? (findSecret(name, env).warning ?? []) : [],
  );
}

/** Variables that look like settings and are none, each with what to do: for a tool, whose environment is a person's shell. */
export function misspeltNames(env: Environment = process.env): readonly string[] {
  return misspeltSettings(Object.keys(env));
}

function faultsOf(role: string, schema: TObject, env: Environment): readonly string[] {
  try {
    parseConfig(role, schema, env);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.faults;
    throw error;
  }
}

/** One variable, described for people. */
export interface SettingInWords {
  readonly name: string;
  readonly description: string;
  /** What a valid value looks like. */
  readonly value: string;
  /** The regular expression that the value must match. */
  readonly pattern: string | undefined;
  readonly isSecret: boolean;
  readonly isRequired: boolean;
  /** The default. */
  readonly fallback: string | undefined;
}

export function settingsOf(schema: TObject): readonly SettingInWords[] {
  return Object.entries(schema.properties).map(([name, variable]) => ({
    name,
    description: variable.description ?? "",
    value: expectation(variable),
    pattern: typeof variable["pattern"] === "string" ? variable["pattern"] : undefined,
    isSecret: isSecret(variable),
    isRequired: variable.default === undefined && schema.required?.includes(name) === true,
    fallback: variable.default === undefined ? undefined : String(variable.default),
  }));
}

/** The variables as text for `--help`, with one block per variable. */
export function describeConfig(schema: TObject): string {
  return settingsOf(schema)
    .map((setting) => {
      const notes = [
        setting.value,
        ...(setting.isSecret ? [`secret, also as ${fileSettingOf(setting.name)}`] : []),
        necessity(setting),
      ];
      return `  ${setting.name}\n      ${setting.description}\n      ${notes.join("; ")}`;
    })
    .join("\n");
}

function necessity({ fallback, isRequired }: SettingInWords): string {
  if (fallback !== undefined) return `default ${fallback}`;
  return isRequired ? "required" : "optional";
}

/** Converts environment text to the schema's type. Text that does not fit stays text, and the check rejects it. */
function convert(text: string, schema: TSchema): unknown {
  switch (schema["type"]) {
    case "integer":
      return /^-?\d+$/.test(text) ? Number(text) : text;
    case "number":
      return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
    case "boolean":
      return text === "true" ? true : text === "false" ? false : text;
    default:
      return text;
  }
}

/** The formats of string variables, with their descriptions. TypeBox uses this registry in its checks. */
const FORMATS: Readonly<
  Record<string, { readonly words: string; readonly accepts: (text: string) => boolean }>
> = {
  url: {
    words: "a URL, http://host:port or https://host",
    accepts: (text) => isUrl(text, ["http:", "https:"]),
  },
  "postgres-url": {
    words: "a URL, postgres://user:password@host:port/database, or with several hosts, host1:port,host2:port",
    accepts: isPostgresUrl,
  },
  "redis-url": { words: "a URL, redis://host:port", accepts: (text) => isUrl(text, ["redis:", "rediss:"]) },
  "redis-sentinels": { words: SENTINELS_FORM, accepts: (text) => sentinelUrls(text) !== null },
  "host-names": {
    words: "host names without scheme and port, separated by commas",
    accepts: (text) => text.split(",").every((name) => /^\s*[A-Za-z0-9_]([A-Za-z0-9._-]*)\s*$/.test(name)),
  },
  currencies: {
    words: "currencies that can be charged, as ISO 4217 codes separated by commas, for example EUR,CHF",
    accepts: (text) => text.split(",").every((code) => isKnownCurrency(code.trim())),
  },
  "smtp-url": {
    words: "a URL, smtp://user:password@host:port or smtps://host",
    accepts: (text) => isUrl(text, ["smtp:", "smtps:"]),
  },
  "header-list": {
    words: "name=value, separated by commas",
    accepts: (text) => text.split(",").every((pair) => /^\s*[A-Za-z0-9-]+=[\x21-\x7e ]+$/.test(pair)),
  },
  "named-postgres-urls": {
    words: "name=postgres://user:password@host:port/database, separated by commas, each name once",
    accepts: (text) => isNamed(partsOfList(text), "postgres-url"),
  },
  "named-urls": {
    words: "name=http://host:port, separated by commas, each name once",
    accepts: (text) => isNamed(text.split(","), "url"),
  },
  "shared-secret": {
    words: "at least 32 characters, at least 8 of them different",
    accepts: (text) => text.length >= 32 && new Set(text).size >= 8,
  },
  "shared-secrets": {
    words: "at least 32 characters, at least 8 of them different; several are separated by commas",
    accepts: (text) => text.split(",").every((one) => FORMATS["shared-secret"]?.accepts(one) === true),
  },
  brokers: {
    words: "host:port, separated by commas",
    accepts: (text) =>
      text.split(",").every((broker) => {
        const [, port] = /^\s*[^\s:,/]+:(\d{1,5})\s*$/.exec(broker) ?? [];
        return port !== undefined && Number(port) > 0 && Number(port) <= 65_535;
      }),
  },
};
for (const [name, { accepts }] of Object.entries(FORMATS)) FormatRegistry.Set(name, accepts);

function isNamed(parts: readonly string[], format: "url" | "postgres-url"): boolean {
  const pairs = parts.map((part) => /^([a-z][a-z0-9_-]*)=(.*)$/.exec(part) ?? []);
  const isGood = pairs.every(([, , url = ""]) => FORMATS[format]?.accepts(url) === true);
  return isGood && new Set(pairs.map(([, name]) => name)).size === parts.length;
}

function isUrl(text: string, protocols: readonly string[]): boolean {
  const url = URL.parse(text);
  return url !== null && protocols.includes(url.protocol) && url.hostname !== "";
}

/** What a valid value looks like, as text. */
function expectation(schema: TSchema): string {
  const options: unknown = schema["anyOf"];
  if (Array.isArray(options))
    return `one of ${options.map((option: TSchema) => String(option["const"])).join(", ")}`;
  switch (schema["type"]) {
    case "integer":
      return `a whole number${range(schema["minimum"], schema["maximum"])}`;
    case "number":
      return `a number${range(schema["minimum"], schema["maximum"])}`;
    case "boolean":
      return "true or false";
    default: {
      const length = range(schema["minLength"], schema["maxLength"]);
      const unit = length.endsWith(" 1") ? "character" : "characters";
      return FORMATS[String(schema["format"])]?.words ?? (length === "" ? "text" : `text${length} ${unit}`);
    }
  }
}

function range(minimum: unknown, maximum: unknown): string {
  const [from, to] = [minimum, maximum].map((limit) =>
    typeof limit === "number" ? String(limit) : undefined,
  );
  if (from !== undefined && to !== undefined) return ` from ${from} to ${to}`;
  if (from !== undefined) return `, at least ${from}`;
  return to === undefined ? "" : `, at most ${to}`;
}
