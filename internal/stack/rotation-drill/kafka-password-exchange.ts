// The password of a client of Kafka (SCRAM). A user has one password for each mechanism, so the second mechanism brings the new password, and both
// count meanwhile.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { openAdmin } from "../../platform/kafka/admin.ts";
import { kafkaOptions, type KafkaSettings } from "../../platform/kafka/connection.ts";
import { waitUntil } from "../wait.ts";
import { type Arena, newPassword } from "./arena.ts";
import type { Exchange } from "./exchange.ts";
import { asDeploy } from "./kafka-tools.ts";

const ROLE = "order";
const OLD_MECHANISM = "SCRAM-SHA-512";
const NEW_MECHANISM = "SCRAM-SHA-256";
const ANSWER_MS = 5_000;
const REFUSED_WITHIN_MS = 20_000;

export const kafkaPasswordExchange: Exchange = {
  name: "kafka-password",
  secret: "Kafka password of a role",
  settings: ["KAFKA_PASSWORD_FILE"],
  page: "Kafka access",
  both: "until the user loses its old mechanism",
  run: exchangePassword,
};

async function exchangePassword(arena: Arena): Promise<void> {
  const old = await givePassword(arena, OLD_MECHANISM);
  arena.change(ROLE, old);
  arena.step(`${ROLE} has a password instead of a certificate`);
  await arena.restart(ROLE);
  await arena.shoppers.untilMore(2);
  const made = await givePassword(arena, NEW_MECHANISM);
  arena.step("a new password for the second mechanism");
  await entered(old);
  arena.change(ROLE, made);
  await arena.restart(ROLE);
  await entered(old);
  await asDeploy(arena, "SetScramPassword.java", [ROLE, OLD_MECHANISM]);
  arena.step("the user loses the first mechanism");
  await waitUntil("the old password no longer counts", () => isRefused(old), {
    timeoutMs: REFUSED_WITHIN_MS,
  });
  await entered(made);
}

/** The settings of a client that signs in with a new password. */
async function givePassword(
  arena: Arena,
  mechanism: NonNullable<KafkaSettings["KAFKA_SASL_MECHANISM"]>,
): Promise<Record<string, string> & KafkaSettings> {
  const folder = join(arena.system.stack.dataDirectory, "kafka-passwords");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, mechanism);
  writeFileSync(file, newPassword(), { mode: 0o600 });
  await asDeploy(arena, "SetScramPassword.java", [ROLE, mechanism, file]);
  const port = arena.system.stack.find("kafka-1").ports["passwords"];
  return {
    KAFKA_BROKERS: `127.0.0.1:${port}`,
    KAFKA_SECURITY_PROTOCOL: "SASL_SSL",
    KAFKA_CA_FILE: arena.authority.caFile,
    KAFKA_SASL_MECHANISM: mechanism,
    KAFKA_USERNAME: ROLE,
    KAFKA_PASSWORD_FILE: file,
  };
}

/** Throws if Kafka does not let a client with these settings in. */
async function entered(settings: KafkaSettings): Promise<void> {
  await using admin = await openAdmin({ ...kafkaOptions(settings, "drill"), connectTimeoutMs: ANSWER_MS });
  await admin.describeCluster();
}

async function isRefused(settings: KafkaSettings): Promise<boolean> {
  return entered(settings).then(
    () => false,
    () => true,
  );
}
