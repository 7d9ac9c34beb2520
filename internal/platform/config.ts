// The only place that reads the environment. A role declares its variables in one TypeBox object; all faults are told at
// once, each with the way out and never with the value, which may be a secret. Called by lifecycle.ts for every role, and
// by checkoutctl.
import { FormatRegistry, type Static, type TObject, type TSchema, Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
import { AppError } from "../kernel/errors.ts";
import { misspeltSettings } from "./misspelt.ts";

/** EX_CONFIG of sysexits.h; systemd's RestartPreventExitStatus knows it, because restarting does not help. */
export const EXIT_CONFIG = 78;

export class ConfigError extends AppError {
  readonly faults: readonly string[];

  constructor(role: string, faults: readonly string[]) {
    const count = faults.length === 1 ? "1 fault" : `${faults.length} faults`;
    const lines = faults.map((fault) => `  ${fault}`).join("\n");
    super(
      "CONFIG_INVALID",
      `${role}: the configuration has ${count}:\n${lines}\nSee ${role} --help for every variable.`,
    );
    this.name = "ConfigError";
    this.faults = faults;
  }
}

/** Marks a variable that must not be shown or logged. */
export function secret<Schema extends TSchema>(schema: Schema): Schema {
  return { ...schema, secret: true };
}

/** Groups of variables that several roles share: `Type.Object({ ...commonConfig, ...kafkaConfig, OWN: ... })`. */
export const commonConfig = {
  OPS_HOST: Type.String({
    default: "127.0.0.1",
    minLength: 1,
    description: "address that /healthz, /readyz and /metrics listen on",
  }),
  OPS_PORT: Type.Integer({
    default: 0,
    minimum: 0,
    maximum: 65_535,
    description: "their port; 0 takes any free one and logs it",
  }),
  LOG_LEVEL: Type.Union(
    [Type.Literal("debug"), Type.Literal("info"), Type.Literal("warn"), Type.Literal("error")],
    { default: "info", description: "least severe level that is logged" },
  ),
  SHUTDOWN_DEADLINE_MS: Type.Integer({
    default: 20_000,
    minimum: 100,
    maximum: 600_000,
    description: "time limit for work in flight after SIGTERM, in ms",
  }),
};

export const kafkaConfig = {
  KAFKA_BROKERS: Type.String({
    format: "brokers",
    description: "Kafka brokers to connect to first, host:port separated by commas",
  }),
};

export const publishingConfig = {
  PUBLISH_AFTER_COMMIT: Type.Boolean({
    default: true,
    description:
      "true publishes events right after their commit and leaves the rest to the relay; false leaves all to the relay",
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
    description: "connections to it, half for transactions and half for single statements",
  }),
};

/** For `startErasing`. */
export const personalDataDays = (description: string, days: number) =>
  Type.Integer({ default: days, minimum: 0, maximum: 36_500, description });

export const redisConfig = {
  REDIS_URL: secret(
    Type.String({
      format: "redis-url",
      description: "Redis, used as a cache: the role also works without it",
    }),
  ),
};

/** Where a role serves HTTP. `what` is served there; `note` says who may reach it. */
export const listenConfig = (what: string, note?: string) => ({
  HOST: Type.String({
    default: "127.0.0.1",
    minLength: 1,
    description: `address ${what} listens on${note === undefined ? "" : `; ${note}`}`,
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
      "host names it is reached under, separated by commas; addresses, localhost and the machine's own name always work, other names get 421",
  }),
});

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads and checks the variables that `schema` declares. An unset or empty variable takes its default, or is a fault unless it
 * is optional; variables that are not declared are ignored. Throws ConfigError with all faults.
 */
export function parseConfig<Schema extends TObject>(
  role: string,
  schema: Schema,
  env: Environment = process.env,
): Static<Schema> {
  const faults: string[] = [];
  const config: Record<string, unknown> = {};
  for (const [name, variable] of Object.entries(schema.properties)) {
    const text = env[name];
    if (text === undefined || text === "") {
      if (variable.default !== undefined) config[name] = variable.default;
      else if (schema.required?.includes(name))
        faults.push(`${name} is missing: set it to ${expectation(variable)} (${variable.description})`);
      continue;
    }
    // A secret with a line's end behind it, as files have it, is another secret; one of blanks is none.
    if (text !== text.trim()) {
      faults.push(`${name} has blanks around it, or nothing else: take them away (${variable.description})`);
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
 * The same for a role: a variable whose name was meant to be a setting's, and is none of any role, is a fault as well. Whoever
 * runs a role has written its environment; around checkoutctl it is a person's shell.
 */
export function parseRoleConfig<Schema extends TObject>(
  role: string,
  schema: Schema,
  env: Environment = process.env,
): Static<Schema> {
  const misspelt = misspeltSettings(Object.keys(env));
  if (misspelt.length === 0) return parseConfig(role, schema, env);
  throw new ConfigError(role, [...faultsOf(role, schema, env), ...misspelt]);
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

/** The variables as text for `--help`, one block per variable. */
export function describeConfig(schema: TObject): string {
  return Object.entries(schema.properties)
    .map(([name, variable]) => {
      const notes = [
        expectation(variable),
        ...(variable["secret"] === true ? ["secret"] : []),
        necessity(schema, name),
      ];
      return `  ${name}\n      ${variable.description}\n      ${notes.join("; ")}`;
    })
    .join("\n");
}

function necessity(schema: TObject, name: string): string {
  const { default: fallback } = schema.properties[name] ?? {};
  if (fallback !== undefined) return `default ${String(fallback)}`;
  return schema.required?.includes(name) === true ? "required" : "optional";
}

/** Environment text as the type that the schema wants; left as text where it does not fit, for the check to refuse. */
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

/** The formats a string variable may name, with the words for them. TypeBox asks this registry when it checks. */
const FORMATS: Readonly<
  Record<string, { readonly words: string; readonly accepts: (text: string) => boolean }>
> = {
  url: {
    words: "a URL, http://host:port or https://host",
    accepts: (text) => isUrl(text, ["http:", "https:"]),
  },
  "postgres-url": {
    words: "a URL, postgres://user:password@host:port/database",
    accepts: (text) => isUrl(text, ["postgres:", "postgresql:"]) && new URL(text).pathname.length > 1,
  },
  "redis-url": { words: "a URL, redis://host:port", accepts: (text) => isUrl(text, ["redis:", "rediss:"]) },
  "host-names": {
    words: "names of hosts without scheme and port, several separated by commas",
    accepts: (text) => text.split(",").every((name) => /^\s*[A-Za-z0-9_]([A-Za-z0-9._-]*)\s*$/.test(name)),
  },
  "smtp-url": {
    words: "a URL, smtp://user:password@host:port or smtps://host",
    accepts: (text) => isUrl(text, ["smtp:", "smtps:"]),
  },
  "named-postgres-urls": {
    words: "name=postgres://user:password@host:port/database, several separated by commas, each name once",
    accepts: (text) => isNamedUrls(text.split(",")),
  },
  "shared-secret": {
    words: "32 characters or more, with 8 different ones among them",
    accepts: (text) => text.length >= 32 && new Set(text).size >= 8,
  },
  brokers: {
    words: "host:port, several separated by commas",
    accepts: (text) =>
      text.split(",").every((broker) => {
        const [, port] = /^\s*[^\s:,/]+:(\d{1,5})\s*$/.exec(broker) ?? [];
        return port !== undefined && Number(port) > 0 && Number(port) <= 65_535;
      }),
  },
};
for (const [name, { accepts }] of Object.entries(FORMATS)) FormatRegistry.Set(name, accepts);

function isNamedUrls(parts: readonly string[]): boolean {
  const pairs = parts.map((part) => /^([a-z][a-z0-9_-]*)=(.*)$/.exec(part) ?? []);
  const isGood = pairs.every(([, , url = ""]) => FORMATS["postgres-url"]?.accepts(url) === true);
  return isGood && new Set(pairs.map(([, name]) => name)).size === parts.length;
}

function isUrl(text: string, protocols: readonly string[]): boolean {
  const url = URL.parse(text);
  return url !== null && protocols.includes(url.protocol) && url.hostname !== "";
}

/** What a valid value looks like, in words. */
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
      return (
        FORMATS[String(schema["format"])]?.words ?? `a text${length === "" ? "" : ` of characters${length}`}`
      );
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
