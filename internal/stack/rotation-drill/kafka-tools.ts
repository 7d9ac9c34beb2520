// What an operator does to Kafka with its own tools during a drill: as the account `deploy`, by programs in Java, because the tools are not among our
// jars. Used by the exchanges.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { SUPER_USERS } from "../../../schemas/access.ts";
import { runToEnd } from "../child.ts";
import { certificateFiles } from "../secure/certificate-files.ts";
import { brokerCertificate, writeKeystore } from "../secure/kafka-certificates.ts";
import { kafkaClassPath } from "../servers/kafka.ts";
import type { Arena } from "./arena.ts";
import { untilPresented } from "./presented.ts";

/** Those of clients and brokers. A controller's reads its files at the start only. */
const LISTENERS = ["direct", "brokers", "passwords"];

export function certificatesOf({ system }: Arena): string {
  return system.context.addresses.certificates ?? "";
}

/**
 * Every broker reads its keystore and its truststore again. A listener does so when the place of its keystore is set, to whatever value
 * (`kafka-configs.sh`). Resolves when each presents the certificate that is in the file.
 */
export async function reloadBrokers(arena: Arena): Promise<void> {
  const certificate = brokerCertificate(certificatesOf(arena));
  writeKeystore(certificate);
  const places = LISTENERS.flatMap((name) => [
    `listener.name.${name}.ssl.keystore.location`,
    certificate.keystoreFile,
  ]);
  for (const { name, ports } of arena.system.stack.servers.filter((one) => one.name.startsWith("kafka-"))) {
    await asDeploy(arena, "SetBrokerSettings.java", [name.replace("kafka-", ""), ...places]);
    await untilPresented(certificate.certFile, ports["kafka"] ?? 0);
  }
}

/** Runs one of the programs in this folder. */
export async function asDeploy(arena: Arena, program: string, args: readonly string[]): Promise<void> {
  const { dataDirectory } = arena.system.stack;
  const deploy = certificateFiles(certificatesOf(arena), SUPER_USERS.deploy);
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
    name: program,
    command: [
      ..."java -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:-UsePerfData -cp".split(" "),
      kafkaClassPath(),
      join(import.meta.dir, program),
      client,
      ...args,
    ],
    logFile: join(dataDirectory, "kafka-tools.log"),
  });
}
