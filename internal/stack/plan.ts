// What a stack consists of, before anything is started: every server and role with its port, its files and its addresses.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Definition } from "./managed.ts";
import type { PortBlock } from "./ports.ts";
import { ROLES, type RoleContext, type RoleOverrides, SERVING_ROLES } from "./role-env.ts";
import { roleProcess } from "./roles.ts";
import { type Routes, routed } from "./routes.ts";
import { type StackSecrets, secretsFile } from "./secrets.ts";
import { type Broker, brokersOnDisk, DETOURS, kafkaServers } from "./servers/kafka.ts";
import { mailServer } from "./servers/mail.ts";
import { postgresServer } from "./servers/postgres.ts";
import { redisServer } from "./servers/redis.ts";
import type { StackAddresses } from "./state.ts";

/** For each detour in front of Kafka (DETOURS) the ports to tell, one per broker. */
export type Advertised = Readonly<Record<string, readonly number[]>>;

export interface PlanOptions {
  readonly dataDirectory: string;
  readonly ports: PortBlock;
  readonly secrets: StackSecrets;
  readonly brokers: 1 | 3 | undefined;
  readonly databases: readonly string[];
  readonly roles: boolean;
  readonly overrides: RoleOverrides;
  readonly routes: Routes;
  readonly advertised: Advertised;
}

export interface StackPlan {
  readonly servers: readonly Definition[];
  readonly roles: readonly Definition[];
  readonly addresses: StackAddresses;
  readonly context: RoleContext;
  logFile(name: string): string;
}

export function planStack(options: PlanOptions): StackPlan {
  const { dataDirectory, ports, secrets } = options;
  const logFile = (name: string) => join(dataDirectory, "logs", `${name}.log`);
  const ledgers = join(dataDirectory, "paysim");
  mkdirSync(ledgers, { recursive: true });

  const postgres = options.databases.map((database) =>
    postgresServer({
      name: `postgres-${database}`,
      database,
      port: ports.next(),
      dataDirectory: join(dataDirectory, `postgres-${database}`),
      logFile: logFile(`postgres-${database}`),
    }),
  );
  const redis = redisServer({ port: ports.next(), directory: dataDirectory, logFile: logFile("redis") });
  const mail = mailServer({ smtpPort: ports.next(), httpPort: ports.next(), logFile: logFile("mail") });

  const kafkaDirectory = join(dataDirectory, "kafka");
  const { advertised } = options;
  const brokers = brokerCount(kafkaDirectory, options.brokers);
  for (const [whose, told] of Object.entries(advertised))
    if (told.length !== brokers)
      throw new Error(`${told.length} advertised port(s) for ${brokers} broker(s) and their ${whose}`);
  const kafka = kafkaServers({
    brokers: Array.from({ length: brokers }, (_, index) => ({
      port: ports.next(),
      controllerPort: ports.next(),
      detours: detoursOf(index, advertised, ports),
    })),
    directory: kafkaDirectory,
    logFile,
  });

  const rolePorts = ROLES.map((role) => ({
    role,
    opsPort: ports.next(),
    port: SERVING_ROLES.includes(role) ? ports.next() : undefined,
  }));
  const httpOf = (wanted: string) =>
    `http://127.0.0.1:${rolePorts.find(({ role }) => role === wanted)?.port}`;

  const addresses: StackAddresses = {
    postgres: Object.fromEntries(
      options.databases.map((name, index) => [name, postgres[index]?.address ?? ""]),
    ),
    kafka_brokers: kafka.map(({ address }) => address).join(","),
    redis: redis.address,
    smtp: mail.address,
    mail: `http://127.0.0.1:${mail.ports["http"]}`,
    gateway: httpOf("gateway"),
    orchestrator: httpOf("orchestrator"),
    inventory: httpOf("inventory"),
    payment: httpOf("payment"),
    paysim: httpOf("paysim"),
    ledger_file: join(ledgers, "ledger.jsonl"),
    secrets_file: secretsFile(dataDirectory),
    ops: Object.fromEntries(rolePorts.map(({ role, opsPort }) => [role, `http://127.0.0.1:${opsPort}`])),
  };
  const context: RoleContext = { addresses, secrets };
  const kafkaOfRoles = advertised["clients"]?.map((port) => `127.0.0.1:${port}`).join(",");
  return {
    servers: [...postgres, redis, ...kafka, mail],
    roles: options.roles
      ? rolePorts.map((assigned) =>
          roleProcess({
            ...assigned,
            secrets,
            addresses: {
              ...routed(addresses, options.routes[assigned.role]),
              kafka_brokers: kafkaOfRoles ?? addresses.kafka_brokers,
            },
            dataDirectory,
            logFile: logFile(assigned.role),
            overrides: options.overrides[assigned.role] ?? {},
          }),
        )
      : [],
    addresses,
    context,
    logFile,
  };
}

function detoursOf(broker: number, advertised: Advertised, ports: PortBlock): NonNullable<Broker["detours"]> {
  return Object.fromEntries(
    DETOURS.flatMap((whose) => {
      const told = advertised[whose]?.[broker];
      return told === undefined ? [] : [[whose, { port: ports.next(), advertised: told }]];
    }),
  );
}

/** Brokers cannot be added to or taken from a quorum that is already on disk. */
function brokerCount(directory: string, wanted: 1 | 3 | undefined): number {
  const found = brokersOnDisk(directory);
  if (found === 0) return wanted ?? 1;
  if (wanted !== undefined && wanted !== found) {
    throw new Error(
      `the data was made for ${found} broker(s), not ${wanted}: bun run stack down --wipe first`,
    );
  }
  return found;
}
