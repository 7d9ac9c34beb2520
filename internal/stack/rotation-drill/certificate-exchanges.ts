// Certificates: of each client of Kafka, and of each server.
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import postgres from "postgres";
import { createClient } from "redis";
import { ACCOUNTS, SUPER_USERS } from "../../../schemas/access.ts";
import { redisAddress } from "../../platform/redis-tls.ts";
import { runToEnd } from "../child.ts";
import type { Role } from "../role-env.ts";
import { THIS_MACHINE } from "../secure/certificate-authority.ts";
import { certificateFiles } from "../secure/certificate-files.ts";
import { brokerCertificate, writeKeystore } from "../secure/kafka-certificates.ts";
import { copyCertificate } from "../secure/postgres.ts";
import { kafkaClassPath } from "../servers/kafka.ts";
import { postgresData } from "../servers/postgres.ts";
import { unprivilegedUser } from "../unprivileged.ts";
import type { Arena } from "./arena.ts";
import type { Exchange } from "./exchange.ts";
import { untilPresented } from "./presented.ts";

const UNTIL_IT_EXPIRES = "until the old one expires";
const NEW_CONNECTIONS = "new connections get the new one, open ones stay";

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
      await operatorsCertificate(arena);
    },
  },
  {
    name: "kafka-server",
    secret: "Kafka's own certificate",
    settings: [],
    page: "Kafka access",
    both: NEW_CONNECTIONS,
    async run(arena) {
      const certificate = brokerCertificate(folderOf(arena));
      await arena.authority.renew({ name: SUPER_USERS.brokers, hosts: THIS_MACHINE });
      writeKeystore(certificate);
      arena.step("new keystore");
      for (const { name, ports } of arena.system.stack.servers.filter((one) =>
        one.name.startsWith("kafka-"),
      )) {
        await reloadKeystore(arena, name, certificate.keystoreFile);
        await untilPresented(certificate.certFile, ports["kafka"] ?? 0);
      }
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
      const files = await arena.authority.renew({ name: "postgres", hosts: THIS_MACHINE });
      arena.step("new files");
      const { stack, context } = arena.system;
      for (const { name, ports } of stack.servers.filter((one) => one.name.startsWith("postgres-"))) {
        copyCertificate(postgresData(join(stack.dataDirectory, name)), unprivilegedUser(), files);
        await asSuperuser(
          context.addresses.postgres[name.replace("postgres-", "")],
          "select pg_reload_conf()",
        );
        await untilPresented(files.certFile, ports["postgres"] ?? 0, "postgres");
      }
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
      const files = await arena.authority.renew({ name: "redis", hosts: THIS_MACHINE });
      arena.step("new files");
      await asRedisAdmin(arena, [
        "CONFIG",
        "SET",
        "tls-cert-file",
        files.certFile,
        "tls-key-file",
        files.keyFile,
      ]);
      arena.step("CONFIG SET tls-cert-file, tls-key-file");
      await untilPresented(files.certFile, arena.system.stack.find("redis").ports["redis"] ?? 0);
    },
  },
];

function folderOf({ system }: Arena): string {
  return system.context.addresses.certificates ?? "";
}

/** checkoutctl reads its files each time, so nothing is restarted; and the old certificate still counts. */
async function operatorsCertificate(arena: Arena): Promise<void> {
  const { certFile, keyFile } = certificateFiles(folderOf(arena), "operator");
  const old = mkdtempSync(join(arena.system.stack.dataDirectory, "old-operator-"));
  try {
    const [KAFKA_CERT_FILE, KAFKA_KEY_FILE] = [join(old, "operator.crt"), join(old, "operator.key")];
    copyFileSync(certFile, KAFKA_CERT_FILE);
    copyFileSync(keyFile, KAFKA_KEY_FILE);
    await arena.authority.renew({ name: "operator" });
    arena.step("new files of checkoutctl");
    await arena.operator(["acl", "check"]);
    await arena.operator(["acl", "check"], { KAFKA_CERT_FILE, KAFKA_KEY_FILE });
  } finally {
    rmSync(old, { recursive: true });
  }
}

/** A broker reads its keystore again when one of its own settings is set, to whatever value (`kafka-configs.sh`). */
async function reloadKeystore(arena: Arena, broker: string, keystoreFile: string): Promise<void> {
  const { dataDirectory } = arena.system.stack;
  const deploy = certificateFiles(folderOf(arena), SUPER_USERS.deploy);
  const keystore = join(dataDirectory, "deploy.keystore.pem");
  writeKeystore({ ...deploy, keystoreFile: keystore });
  const client = join(dataDirectory, "deploy.properties");
  const settings = {
    "bootstrap.servers": arena.system.context.addresses.kafka_brokers,
    "security.protocol": "SSL",
    "ssl.keystore.type": "PEM",
    "ssl.keystore.location": keystore,
    "ssl.truststore.type": "PEM",
    "ssl.truststore.location": deploy.caFile,
  };
  const text = Object.entries(settings).map(([key, value]) => `${key}=${value}\n`);
  writeFileSync(client, text.join(""), { mode: 0o600 });
  await runToEnd({
    name: "the change of a broker's setting",
    command: [
      ..."java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:-UsePerfData -cp".split(" "),
      kafkaClassPath(),
      join(import.meta.dir, "SetBrokerSetting.java"),
      client,
      broker.replace("kafka-", ""),
      "listener.name.direct.ssl.keystore.location",
      keystoreFile,
    ],
    logFile: join(dataDirectory, "kafka-configs.log"),
  });
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
