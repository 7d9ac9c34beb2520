// Makes the archive from which brokers load their classes: starts a broker, warms it up, and stops it, so that the JVM writes the loaded
// classes to a file. A broker then starts with 2.3 s of CPU instead of 4.0. Run by the bootstrap if there is no archive. Without one, or
// with an archive of other jars or another Java, brokers start at the old speed.
import { existsSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { start } from "../managed.ts";
import { leasePorts } from "../ports.ts";
import { warmUpKafka } from "./kafka-warm-up.ts";
import { classArchive, kafkaServers } from "./kafka.ts";

/** The JVM writes the archive while it stops. */
const STOP_DEADLINE_MS = 60_000;
/** Longer than in a stack: this broker still has to load all its classes, and no user waits. */
const PATIENCE_MS = 10_000;

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
    if (broker === undefined) throw new Error("kafkaServers returned no broker");
    const running = await start({ ...broker, stopDeadlineMs: STOP_DEADLINE_MS });
    try {
      // The same work as in every stack, so that the archive has its classes.
      await warmUpKafka({ brokers: running.address }, new AbortController().signal, PATIENCE_MS);
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
