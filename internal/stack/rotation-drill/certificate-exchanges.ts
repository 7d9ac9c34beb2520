// Certificates: of each client of Kafka, of each server, and of the authority that signs them all.
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import postgres from "postgres";
import { createClient } from "redis";
import { ACCOUNTS, SUPER_USERS } from "../../../schemas/access.ts";
import { redisAddress } from "../../platform/redis-tls.ts";
import { ROLES, type Role } from "../role-env.ts";
import { SUPERUSER } from "../secure/accounts.ts";
import { THIS_MACHINE } from "../secure/certificate-authority.ts";
import { certificateFiles } from "../secure/certificate-files.ts";
import { copyCertificate } from "../secure/postgres.ts";
import { postgresData } from "../servers/postgres.ts";
import { unprivilegedUser } from "../unprivileged.ts";
import { waitUntil } from "../wait.ts";
import type { Arena } from "./arena.ts";
import type { Exchange } from "./exchange.ts";
import { certificatesOf, reloadBrokers } from "./kafka-tools.ts";
import { untilPresented } from "./presented.ts";

const UNTIL_IT_EXPIRES = "until the old one expires";
const NEW_CONNECTIONS = "new connections get the new one, open ones stay";
/** A broker takes its files some time after it was told to. */
const REFUSED_WITHIN_MS = 20_000;

/** The roles with the accounts that they have in Kafka. */
const CLIENTS: readonly (readonly [Role, readonly string[]])[] = [
  ["inventory", ["inventory"]],
  ["payment", ["payment"]],
  ["order", ["order"]],
  ["notification", ["notification"]],
  ["orchestrator", ["orchestrator"]],
  ["relay", Object.keys(ACCOUNTS).filter((account) => account.startsWith("relay-"))],
  ["console", ["console"]],
];
/** Who reads the authority's file at its start. */
const TRUSTING = ROLES.filter((role) => role !== "paysim");

export const certificateExchanges: readonly Exchange[] = [
  {
    name: "kafka-clients",
    secret: "Kafka certificates of the roles",
    settings: ["KAFKA_CERT_FILE", "KAFKA_KEY_FILE"],
    page: "Kafka access",
    both: UNTIL_IT_EXPIRES,
    async run(arena) {
      for (const [role, accounts] of CLIENTS) {
        for (const name of accounts) await arena.authority.renew({ name });
        arena.step(`new files of ${role}`);
        await arena.restart(role);
      }
      await withOldOperator(arena, async (old) => {
        await arena.authority.renew({ name: "operator" });
        arena.step("new files of checkoutctl");
        // It reads its files each time, so nothing is restarted; and the old certificate still counts.
        await arena.operator(["acl", "check"]);
        await arena.operator(["acl", "check"], old);
      });
    },
  },
  {
    name: "kafka-server",
    secret: "Kafka's own certificate",
    settings: [],
    page: "Kafka access",
    both: NEW_CONNECTIONS,
    async run(arena) {
      await arena.authority.renew({ name: SUPER_USERS.brokers, hosts: THIS_MACHINE });
      arena.step("new keystore");
      await reloadBrokers(arena);
      arena.step("kafka-configs for each broker");
    },
  },
  {
    name: "postgres-server",
    secret: "Postgres' certificate",
    settings: [],
    page: "Encrypted connections to Postgres",
    both: NEW_CONNECTIONS,
    async run(arena) {
      await arena.authority.renew({ name: "postgres", hosts: THIS_MACHINE });
      arena.step("new files");
      await reloadPostgres(arena);
      arena.step("pg_reload_conf()");
    },
  },
  {
    name: "redis-server",
    secret: "Redis' certificate",
    settings: [],
    page: "Encrypted connections to Redis",
    both: NEW_CONNECTIONS,
    async run(arena) {
      await arena.authority.renew({ name: "redis", hosts: THIS_MACHINE });
      arena.step("new files");
      await reloadRedis(arena);
      arena.step("CONFIG SET tls-cert-file, tls-key-file, tls-ca-cert-file");
    },
  },
  {
    name: "authority",
    secret: "the authority of all certificates",
    settings: ["KAFKA_CA_FILE"],
    page: "A certificate ends",
    both: "until the old one is removed from the files",
    run: (arena) => withOldOperator(arena, (old) => exchangeAuthority(arena, old)),
  },
];

/** `old`: settings of an operator whose certificate is of the old authority. */
async function exchangeAuthority(arena: Arena, old: Readonly<Record<string, string>>): Promise<void> {
  arena.authority = await arena.authority.replaced();
  arena.step("both authorities in every file");
  await reloadServers(arena);
  await arena.restart(...TRUSTING);
  for (const name of [
    ...CLIENTS.flatMap(([, accounts]) => accounts),
    "operator",
    SUPER_USERS.deploy,
    SUPERUSER,
  ])
    await arena.authority.renew({ name });
  for (const name of [SUPER_USERS.brokers, "postgres", "redis"])
    await arena.authority.renew({ name, hosts: THIS_MACHINE });
  arena.step("new certificates for servers and clients");
  await reloadServers(arena);
  await arena.restart(...CLIENTS.map(([role]) => role));
  await arena.operator(["acl", "check"]);
  await arena.operator(["acl", "check"], old);
  await arena.shoppers.untilMore(2);
  arena.authority.trustAlone();
  arena.step("the old authority is out of every file");
  await reloadServers(arena);
  await arena.restart(...TRUSTING);
  await waitUntil("the old authority no longer counts", () => isRefused(arena, old), {
    timeoutMs: REFUSED_WITHIN_MS,
  });
  // A controller reads its files at its start only.
  await arena.system.stack.restart("kafka-1");
  arena.step("restart Kafka");
  await arena.operator(["acl", "check"]);
}

async function isRefused(arena: Arena, settings: Readonly<Record<string, string>>): Promise<boolean> {
  const { code } = await arena.system.checkoutctlWith(settings, ["acl", "check"]);
  return code !== 0;
}

async function reloadServers(arena: Arena): Promise<void> {
  await reloadBrokers(arena);
  await reloadPostgres(arena);
  await reloadRedis(arena);
  arena.step("Kafka, Postgres and Redis read their files again");
}

async function reloadPostgres(arena: Arena): Promise<void> {
  const files = certificateFiles(certificatesOf(arena), "postgres");
  const { stack, context } = arena.system;
  for (const { name, ports } of stack.servers.filter((one) => one.name.startsWith("postgres-"))) {
    copyCertificate(postgresData(join(stack.dataDirectory, name)), unprivilegedUser(), files);
    await asSuperuser(context.addresses.postgres[name.replace("postgres-", "")], "select pg_reload_conf()");
    await untilPresented(files.certFile, ports["postgres"] ?? 0, "postgres");
  }
}

async function reloadRedis(arena: Arena): Promise<void> {
  const { caFile, certFile, keyFile } = certificateFiles(certificatesOf(arena), "redis");
  const files = ["tls-cert-file", certFile, "tls-key-file", keyFile, "tls-ca-cert-file", caFile];
  await asRedisAdmin(arena, ["CONFIG", "SET", ...files]);
  await untilPresented(certFile, arena.system.stack.find("redis").ports["redis"] ?? 0);
}

/** With copies of the operator's files as they are now, as the settings that name them. */
async function withOldOperator(
  arena: Arena,
  work: (old: Readonly<Record<string, string>>) => Promise<void>,
): Promise<void> {
  const { certFile, keyFile } = certificateFiles(certificatesOf(arena), "operator");
  const old = mkdtempSync(join(arena.system.stack.dataDirectory, "old-operator-"));
  try {
    const [KAFKA_CERT_FILE, KAFKA_KEY_FILE] = [join(old, "operator.crt"), join(old, "operator.key")];
    copyFileSync(certFile, KAFKA_CERT_FILE);
    copyFileSync(keyFile, KAFKA_KEY_FILE);
    await work({ KAFKA_CERT_FILE, KAFKA_KEY_FILE });
  } finally {
    rmSync(old, { recursive: true });
  }
}

async function asSuperuser(url: string | undefined, statement: string): Promise<void> {
  const sql = postgres(url ?? "", { max: 1, onnotice: () => undefined });
  try {
    await sql.unsafe(statement);
  } finally {
    await sql.end({ timeout: 1 });
  }
}

/** `address`: with the administrator's present password; default is the one of the start. */
export async function asRedisAdmin(
  { system }: Arena,
  command: readonly string[],
  address = system.context.addresses.redis,
): Promise<void> {
  const { url, tls } = redisAddress(address);
  const redis = await createClient({ url, socket: tls }).connect();
  try {
    await redis.sendCommand(command);
  } finally {
    redis.destroy();
  }
}
