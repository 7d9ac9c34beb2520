// Makes the archive from which brokers load their classes: starts one, has a message go through it, and lets the JVM write down at its
// end what it had loaded. A broker then starts with 2.3 s of CPU instead of 4.0. Run by the bootstrap where there is no archive;
// without one, or with one of other jars or another Java, brokers start as slowly as ever.
import { existsSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openAdmin } from "../../platform/kafka/admin.ts";
import { openConsumer } from "../../platform/kafka/consumer.ts";
import { openProducer } from "../../platform/kafka/producer.ts";
import { FIELD_SEPARATOR } from "../../kernel/ports.ts";
import { start } from "../managed.ts";
import { leasePorts } from "../ports.ts";
import { classArchive, kafkaServers } from "./kafka.ts";

const TOPIC = "classes";
/** The JVM writes the archive while it ends. */
const STOP_DEADLINE_MS = 60_000;
const POLL_MS = 10_000;

const archive = classArchive();
if (!existsSync(archive)) await makeArchive();

async function makeArchive(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), "kafka-classes-"));
  const unfinished = `${archive}.${process.pid}`;
  const ports = leasePorts(directory);
  try {
    const [broker] = kafkaServers({
      brokers: [{ port: ports.next(), controllerPort: ports.next() }],
      directory,
      logFile: (name) => join(directory, `${name}.log`),
      archiveTo: unfinished,
    });
    if (broker === undefined) throw new Error("one broker was asked for");
    const running = await start({ ...broker, stopDeadlineMs: STOP_DEADLINE_MS });
    try {
      await use(running.address);
    } finally {
      await running.stop();
    }
    renameSync(unfinished, archive);
  } finally {
    ports.release();
    rmSync(directory, { recursive: true, force: true });
    rmSync(unfinished, { force: true });
  }
}

/** What every stack does, so that its classes are among them. */
async function use(brokers: string): Promise<void> {
  const options = { brokers, clientId: "classes" };
  await using admin = await openAdmin(options);
  await admin.createTopics([{ topic: TOPIC, partitions: 1, replicationFactor: 1 }]);
  await using producer = await openProducer(options);
  await producer.produce([TOPIC, "key", "", "{}"].join(FIELD_SEPARATOR));
  await using consumer = await openConsumer({ ...options, groupId: "classes", topics: [TOPIC], types: [] });
  const batch = await consumer.poll({ maxMessages: 1, waitMs: POLL_MS, lingerMs: 0 });
  batch?.done();
  batch?.release();
}
