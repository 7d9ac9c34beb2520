// Certifies the Kafka client on this machine with its own broker: no message is lost, doubled or reordered while consumers and the broker
// are killed, and memory stays flat over a million messages.
//
//   bun internal/testkit/certify-kafka/main.ts [--messages 100000] [--soak 1000000] [--dir /tmp/..]
//
// Run it after every upgrade of Bun, of the Kafka package or of librdkafka; internal/platform/kafka/native/README.md has the figures.
// Exits 1 if it finds a problem.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { openAdmin } from "../../platform/kafka/admin.ts";
import { start } from "../../stack/managed.ts";
import { leasePorts } from "../../stack/ports.ts";
import { kafkaServers } from "../../stack/servers/kafka.ts";
import { certifyDelivery } from "./delivery.ts";
import { certifyMemory } from "./memory.ts";

const { values: flags } = parseArgs({
  options: {
    messages: { type: "string", default: "100000" },
    soak: { type: "string", default: "1000000" },
    dir: { type: "string" },
  },
});

const directory = flags.dir ?? mkdtempSync(join(tmpdir(), "certify-kafka-"));
const ports = leasePorts(directory);
const [definition] = kafkaServers({
  brokers: [{ port: ports.next(), controllerPort: ports.next() }],
  directory,
  logFile: (broker) => join(directory, `${broker}.log`),
});
if (definition === undefined) throw new Error("no broker was defined");
const broker = await start(definition);

const problems: string[] = [];
try {
  await createTopics(["certify-delivery", "certify-memory"]);
  const run = {
    brokers: broker.address,
    directory,
    killBroker: async () => {
      broker.kill("SIGKILL");
      await broker.restart();
    },
  };
  problems.push(...(await certifyDelivery({ ...run, messages: Number(flags.messages) })));
  problems.push(...(await certifyMemory({ ...run, messages: Number(flags.soak) })));
} finally {
  await broker.stop();
  ports.release();
}

async function createTopics(names: readonly string[]): Promise<void> {
  await using admin = await openAdmin({ brokers: broker.address, clientId: "certify" });
  await admin.createTopics(names.map((topic) => ({ topic, partitions: 16, replicationFactor: 1 })));
}

if (problems.length > 0) {
  writeFileSync(join(directory, "problems.txt"), problems.join("\n"));
  console.log(
    `\nNOT certified: ${problems.length} problems, the first ones:\n${problems.slice(0, 20).join("\n")}`,
  );
  console.log(`all files are kept in ${directory}`);
  process.exit(1);
}
console.log("\ncertified");
if (flags.dir === undefined) rmSync(directory, { recursive: true });
