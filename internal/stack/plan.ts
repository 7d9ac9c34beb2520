// Plans a stack before anything starts: every server and role with its port, its files and its addresses. Called by stack.ts.
import { existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { REDIS_ADMIN } from "../platform/redis-acl.ts";
import type { Definition } from "./managed.ts";
import type { PortBlock } from "./ports.ts";
import { nameOf, type Replica, type Replicas, replicasOf } from "./replicas.ts";
import {
  type Changes,
  type Role,
  ROLES,
  type RoleContext,
  type RoleOverrides,
  SERVING_ROLES,
} from "./role-env.ts";
import { roleProcess } from "./roles.ts";
import { type Routes, routed } from "./routes.ts";
import { type StackSecrets, secretsFile } from "./secrets.ts";
import { passwordOf, redisPasswords, sentinelPasswords, SUPERUSER } from "./secure/accounts.ts";
import { brokerCertificate } from "./secure/kafka-certificates.ts";
import type { SecurePostgres } from "./secure/postgres.ts";
import type { SecureRedis } from "./secure/redis.ts";
import { serverCertificates } from "./secure/server-certificates.ts";
import { type Broker, brokersOnDisk, DETOURS, kafkaServers } from "./servers/kafka.ts";
import { mailServer } from "./servers/mail.ts";
import { postgresPair, standbyOf } from "./servers/postgres-pair.ts";
import { postgresData, type PostgresOptions, postgresServer } from "./servers/postgres.ts";
import { type PrometheusSettings, prometheusServers } from "./servers/prometheus.ts";
import { redisServer } from "./servers/redis.ts";
import { sentinelServer, sentinelsUrl } from "./servers/sentinel.ts";
import type { StackAddresses } from "./state.ts";

/** For each detour in front of Kafka (DETOURS), the ports that the brokers advertise, one per broker. */
export type Advertised = Readonly<Record<string, readonly number[]>>;

/** The Redis servers of a stack with Sentinels; the first begins as the master. */
export const REDIS_SERVERS = ["redis", "redis-2"] as const;
const SENTINELS = 3;

export interface PlanOptions {
  readonly dataDirectory: string;
  readonly ports: PortBlock;
  readonly secrets: StackSecrets;
  /** The folder with the certificates of a secure stack. Undefined: nothing is encrypted. */
  readonly certificates?: string | undefined;
  readonly brokers: 1 | 3 | undefined;
  /** Also a listener of Kafka for clients with a password. */
  readonly kafkaPasswords: boolean;
  /** A replica of Redis, and three Sentinels. */
  readonly sentinel: boolean;
  /** For each of REDIS_SERVERS, the port at which everybody reaches it, also the Sentinels. Empty: its own. */
  readonly announced: readonly number[];
  readonly databases: readonly string[];
  /** Those of them that have a synchronous standby. Default: none. */
  readonly standbys?: readonly string[] | undefined;
  readonly roles: boolean;
  readonly replicas: Replicas;
  readonly overrides: RoleOverrides;
  readonly changes?: Changes | undefined;
  readonly routes: Routes;
  readonly advertised: Advertised;
  /** Undefined: without Prometheus. */
  readonly prometheus: PrometheusSettings | undefined;
}

export interface StackPlan {
  readonly servers: readonly Definition[];
  /** Servers that start after the roles, because they ask them. */
  readonly watchers: readonly Definition[];
  readonly roles: readonly Definition[];
  readonly addresses: StackAddresses;
  readonly context: RoleContext;
  logFile(name: string): string;
}

/** Takes the ports but starts nothing. Throws if the options do not match the data on disk. */
export function planStack(options: PlanOptions): StackPlan {
  const { dataDirectory, secrets } = options;
  const logFile = (name: string) => join(dataDirectory, "logs", `${name}.log`);
  mkdirSync(dirname(ledgerFile(dataDirectory)), { recursive: true });

  // Ports are taken in this order. Another order would change the addresses of existing stacks.
  const servers = planServers(options, logFile);
  const replicas = assignPorts(options);

  const watchers = planPrometheus(options, replicas, logFile);
  const pairs = planPairs(options, servers, logFile);
  const redis = planRedis(options, servers.redisPort, logFile);

  const addresses = addressesOf(options, { ...servers, ...redis, pairs }, replicas, watchers);
  return {
    servers: [
      ...servers.postgres.flatMap((one) => pairs.get(one.name) ?? one),
      ...redis.redis,
      ...redis.sentinels,
      ...servers.kafka,
      servers.mail,
    ],
    watchers,
    roles: options.roles ? planRoles(options, replicas, addresses, logFile) : [],
    addresses,
    context: { addresses, secrets },
    logFile,
  };
}

interface Servers {
  /** One per database, in the order of the options. */
  readonly postgres: readonly Definition[];
  /** Of the first Redis. */
  readonly redisPort: number;
  readonly mail: Definition;
  readonly kafka: readonly Definition[];
}

interface RedisServers {
  /** The first is the one that is the master at first. */
  readonly redis: readonly [Definition, ...Definition[]];
  readonly sentinels: readonly Definition[];
}

function planServers(options: PlanOptions, logFile: StackPlan["logFile"]): Servers {
  const { ports } = options;
  const postgres = options.databases.map((database) =>
    postgresServer(postgresOptions(options, database, ports.next(), logFile)),
  );
  const redisPort = ports.next();
  const mail = mailServer({ smtpPort: ports.next(), httpPort: ports.next(), logFile: logFile("mail") });
  const kafka = planKafka(options, logFile);
  return { postgres, redisPort, mail, kafka };
}

/** The ports of the second Redis and of the Sentinels come last, because most stacks have none. */
function planRedis(options: PlanOptions, port: number, logFile: StackPlan["logFile"]): RedisServers {
  const { dataDirectory: directory, ports, sentinel, announced } = options;
  const secure = secureRedis(options);
  const shared = { directory, secure };
  if (!sentinel)
    return { redis: [redisServer({ ...shared, port, logFile: logFile("redis") })], sentinels: [] };
  const [first, second] = REDIS_SERVERS;
  const secondPort = ports.next();
  const masterPort = announced[0] ?? port;
  const redis = redisServer({
    ...shared,
    name: first,
    port,
    logFile: logFile(first),
    watched: { announced: masterPort },
  });
  const replica = redisServer({
    ...shared,
    name: second,
    port: secondPort,
    logFile: logFile(second),
    watched: { announced: announced[1] ?? secondPort, follows: masterPort },
  });
  const sentinels = Array.from({ length: SENTINELS }, (_, index) => {
    const name = `sentinel-${index + 1}`;
    return sentinelServer({ ...shared, name, port: ports.next(), masterPort, logFile: logFile(name) });
  });
  return { redis: [redis, replica], sentinels };
}

function postgresOptions(
  options: PlanOptions,
  database: string,
  port: number,
  logFile: StackPlan["logFile"],
): PostgresOptions {
  const name = `postgres-${database}`;
  return {
    name,
    database,
    port,
    dataDirectory: join(options.dataDirectory, name),
    logFile: logFile(name),
    secure: securePostgres(options),
  };
}

/** By the name of the first server, both servers of a database with a standby. */
function planPairs(
  options: PlanOptions,
  { postgres }: Pick<Servers, "postgres">,
  logFile: StackPlan["logFile"],
): ReadonlyMap<string, readonly Definition[]> {
  const { standbys = [] } = options;
  const unknown = standbys.find((name) => !options.databases.includes(name));
  if (unknown !== undefined)
    throw new Error(`there is no database ${unknown}: choose from ${options.databases.join(", ")}`);
  const pairs = options.databases.flatMap((database, index) => {
    const first = postgres[index];
    const isPaired = standbys.includes(database) || hasStandby(options.dataDirectory, database);
    if (first === undefined || !isPaired) return [];
    const own = postgresOptions(options, database, first.ports["postgres"] ?? 0, logFile);
    const standby = { port: options.ports.next(), logFile: logFile(standbyOf(own.name)) };
    return [[own.name, postgresPair(own, standby)] as const];
  });
  return new Map(pairs);
}

/** Once there is one, the data may be there alone. */
function hasStandby(dataDirectory: string, database: string): boolean {
  return existsSync(postgresData(standbyOf(join(dataDirectory, `postgres-${database}`))));
}

function securePostgres({ certificates, secrets }: PlanOptions): SecurePostgres | undefined {
  if (certificates === undefined) return undefined;
  const { postgres: server, superuser } = serverCertificates(certificates);
  return { server, superuser, superuserPassword: passwordOf(secrets, SUPERUSER) };
}

function secureRedis({ certificates, secrets }: PlanOptions): SecureRedis | undefined {
  if (certificates === undefined) return undefined;
  const passwords = redisPasswords(secrets);
  const { redis: server } = serverCertificates(certificates);
  return {
    server,
    passwords,
    adminPassword: passwordOf(secrets, REDIS_ADMIN),
    sentinelPasswords: sentinelPasswords(secrets),
  };
}

function planKafka(
  { dataDirectory, ports, advertised, brokers: wanted, certificates, kafkaPasswords }: PlanOptions,
  logFile: StackPlan["logFile"],
): readonly Definition[] {
  const directory = join(dataDirectory, "kafka");
  const brokers = brokerCount(directory, wanted);
  for (const [whose, given] of Object.entries(advertised))
    if (given.length !== brokers)
      throw new Error(`${given.length} advertised port(s) for ${whose}, but ${brokers} broker(s)`);
  const ofBrokers = Array.from({ length: brokers }, (_, index) => ({
    port: ports.next(),
    controllerPort: ports.next(),
    detours: detoursOf(index, advertised, ports),
    ...(certificates === undefined ? {} : { brokerPort: ports.next() }),
  }));
  const passwords = kafkaPasswords ? { ports: ofBrokers.map(() => ports.next()), users: {} } : undefined;
  return kafkaServers({
    brokers: ofBrokers,
    secure:
      certificates === undefined ? undefined : { certificate: brokerCertificate(certificates), passwords },
    directory,
    logFile,
  });
}

function planPrometheus(
  { dataDirectory, ports, prometheus }: PlanOptions,
  replicas: readonly ReplicaPorts[],
  logFile: StackPlan["logFile"],
): readonly Definition[] {
  if (prometheus === undefined) return [];
  const byRole = Map.groupBy(replicas, ({ replica }) => replica.role);
  return prometheusServers({
    ...prometheus,
    ports: { prometheus: ports.next(), alertmanager: ports.next(), catcher: ports.next() },
    targets: Object.fromEntries(
      [...byRole].map(([role, own]) => [
        `checkout-${role}`,
        own.map(({ opsPort }) => `127.0.0.1:${opsPort}`),
      ]),
    ),
    dataDirectory,
    logFile,
  });
}

interface ReplicaPorts {
  readonly replica: Replica;
  readonly opsPort: number;
  /** Only for a role that serves requests. */
  readonly port: number | undefined;
  /** Only for payment: its internal API. */
  readonly internalPort: number | undefined;
}

/** Sorted so that the replicas of a role are next to each other. They have ports even if no role is started. */
function assignPorts({ replicas, ports }: PlanOptions): readonly ReplicaPorts[] {
  const served = replicasOf(replicas).map((replica) => ({
    replica,
    opsPort: ports.next(),
    port: SERVING_ROLES.includes(replica.role) ? ports.next() : undefined,
  }));
  return served
    .map((each) => ({ ...each, internalPort: each.replica.role === "payment" ? ports.next() : undefined }))
    .toSorted((a, b) => ROLES.indexOf(a.replica.role) - ROLES.indexOf(b.replica.role));
}

function addressesOf(
  options: PlanOptions,
  {
    postgres,
    redis,
    sentinels,
    mail,
    kafka,
    pairs,
  }: Servers & RedisServers & { readonly pairs: ReturnType<typeof planPairs> },
  replicas: readonly ReplicaPorts[],
  watchers: readonly Definition[],
): StackAddresses {
  const { dataDirectory, databases, certificates } = options;
  const sentinelPorts = sentinels.map(({ ports }) => ports["sentinel"] ?? 0);
  const httpOfAll = (role: Role) =>
    replicas.filter(({ replica }) => replica.role === role).map(({ port }) => `http://127.0.0.1:${port}`);
  const httpOf = (role: Role) => httpOfAll(role)[0] ?? "";
  const alertmanager = watchers.find(({ name }) => name === "alertmanager")?.address;
  return {
    postgres: Object.fromEntries(
      databases.map((name, index) => {
        const { name: server = "", address = "" } = postgres[index] ?? {};
        return [name, withHosts(address, pairs.get(server) ?? [])];
      }),
    ),
    kafka_brokers: kafka.map(({ address }) => address).join(","),
    ...(certificates === undefined ? {} : { certificates }),
    redis: redis[0].address,
    ...(sentinels.length === 0 ? {} : { redis_sentinels: sentinelsUrl(sentinelPorts, secureRedis(options)) }),
    smtp: mail.address,
    mail: `http://127.0.0.1:${mail.ports["http"]}`,
    gateway: httpOf("gateway"),
    console: httpOf("console"),
    orchestrator: httpOf("orchestrator"),
    inventory: httpOf("inventory"),
    order: httpOf("order"),
    payment: httpOf("payment"),
    payment_internal: internalOf(replicas),
    paysim: httpOf("paysim"),
    ...(alertmanager === undefined ? {} : { alertmanager }),
    ledger_file: ledgerFile(dataDirectory),
    secrets_file: secretsFile(dataDirectory),
    replicas: Object.fromEntries(SERVING_ROLES.map((role) => [role, httpOfAll(role)])),
    ops: Object.fromEntries(
      replicas.map(({ replica, opsPort }) => [nameOf(replica), `http://127.0.0.1:${opsPort}`]),
    ),
  };
}

/** The address of the primary among these servers, for roles and for drivers alike. */
function withHosts(address: string, servers: readonly Definition[]): string {
  if (servers.length === 0) return address;
  const [, before = "", query = ""] = /^(.*@)[^@/]+(\/.*)$/.exec(address) ?? [];
  const hosts = servers.map(({ ports }) => `127.0.0.1:${ports["postgres"]}`).join(",");
  return `${before}${hosts}${query}${query.includes("?") ? "&" : "?"}target_session_attrs=primary`;
}

function internalOf(replicas: readonly ReplicaPorts[]): string {
  const port = replicas.find(({ internalPort }) => internalPort !== undefined)?.internalPort;
  return port === undefined ? "" : `http://127.0.0.1:${port}`;
}

function planRoles(
  { dataDirectory, secrets, overrides, changes, routes, advertised }: PlanOptions,
  replicas: readonly ReplicaPorts[],
  addresses: StackAddresses,
  logFile: StackPlan["logFile"],
): readonly Definition[] {
  const brokersForClients = advertised["clients"]?.map((port) => `127.0.0.1:${port}`).join(",");
  return replicas.map(({ replica, internalPort, ...ports }) =>
    roleProcess({
      ...ports,
      role: replica.role,
      replica: replica.number,
      secrets,
      addresses: {
        ...routed(seenBy(replica, addresses), routes[replica.role]),
        kafka_brokers: brokersForClients ?? addresses.kafka_brokers,
      },
      dataDirectory,
      logFile: logFile(nameOf(replica)),
      overrides: {
        ...(internalPort === undefined ? {} : { INTERNAL_PORT: String(internalPort) }),
        ...overrides[replica.role],
      },
      changes: changes === undefined ? undefined : () => changes(replica.role),
    }),
  );
}

/** Of the payment simulator. */
export function ledgerFile(dataDirectory: string): string {
  return join(dataDirectory, "paysim", "ledger.jsonl");
}

/**
 * A gateway knows one orchestrator: the first gateway the first, the second gateway the second. Without a load balancer nothing else
 * spreads the intake. All other roles call the first replica of a role.
 */
function seenBy({ role, number }: Replica, addresses: StackAddresses): StackAddresses {
  const orchestrators = addresses.replicas["orchestrator"] ?? [];
  const paired = orchestrators[(number - 1) % orchestrators.length];
  return role === "gateway" && paired !== undefined ? { ...addresses, orchestrator: paired } : addresses;
}

function detoursOf(broker: number, advertised: Advertised, ports: PortBlock): NonNullable<Broker["detours"]> {
  return Object.fromEntries(
    DETOURS.flatMap((whose) => {
      const given = advertised[whose]?.[broker];
      return given === undefined ? [] : [[whose, { port: ports.next(), advertised: given }]];
    }),
  );
}

/** A quorum that is already on disk cannot get more or fewer brokers. */
function brokerCount(directory: string, wanted: 1 | 3 | undefined): number {
  const found = brokersOnDisk(directory);
  if (found === 0) return wanted ?? 1;
  if (wanted !== undefined && wanted !== found) {
    throw new Error(
      `the data on disk is for ${found} broker(s), not ${wanted}: run npm run stack -- down --wipe first`,
    );
  }
  return found;
}
