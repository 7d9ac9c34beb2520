// The data directory of a new broker. Kafka's format tool is a JVM of its own, a third of what a broker costs until it is ready, so it runs
// once per Kafka version; later brokers get a copy of what it wrote, with ids of their own. Called by kafka.ts.
import { cpSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Which broker a data directory belongs to. Everything else in it is the same for all. */
const IDENTITY = "meta.properties";

export interface FormatOptions {
  /** Does not exist yet, or was left by an interrupted format: it neither starts nor can be formatted again, so it is deleted. */
  readonly data: string;
  /** Where the copy is kept, for the same Kafka version and kind of quorum. Undefined: what the tool writes is of this broker alone. */
  readonly template: string | undefined;
  readonly clusterId: string;
  readonly nodeId: number;
  /** Runs Kafka's tool, which fills `data`. */
  readonly runTool: () => Promise<void>;
}

export async function formatData({ data, template, clusterId, nodeId, runTool }: FormatOptions) {
  rmSync(data, { recursive: true, force: true });
  if (template === undefined || !existsSync(template)) {
    await runTool();
    if (template !== undefined) keep(data, template);
    return;
  }
  // Another checkout may have a link to the template.
  cpSync(template, data, { recursive: true, dereference: true });
  const identity = { "cluster.id": clusterId, "directory.id": randomId(), "node.id": nodeId, version: 1 };
  const lines = Object.entries(identity).map(([key, value]) => `${key}=${value}\n`);
  writeFileSync(join(data, IDENTITY), lines.join(""));
}

/** Renamed when it is complete. If another stack was first, ours is deleted. */
function keep(data: string, template: string): void {
  const unfinished = `${template}.${process.pid}.${Bun.randomUUIDv7()}`;
  mkdirSync(dirname(template), { recursive: true });
  cpSync(data, unfinished, { recursive: true });
  rmSync(join(unfinished, IDENTITY));
  try {
    renameSync(unfinished, template);
  } catch (error) {
    if (!existsSync(template)) throw error;
    rmSync(unfinished, { recursive: true });
  }
}

/** The version in the name of the server's jar. */
export function kafkaVersion(home: string): string {
  const names = readdirSync(join(home, "libs")).map((name) => /^kafka_2\.13-(.+)\.jar$/.exec(name)?.[1]);
  return names.find((version) => version !== undefined) ?? "unknown";
}

/** A new id in Kafka's form. */
export function randomId(): string {
  return idOf(crypto.getRandomValues(new Uint8Array(16)));
}

/** 16 bytes in Kafka's base64 variant. It must not begin with a dash, because the format tool would read it as an option. */
export function idOf(bytes: Uint8Array): string {
  // The first six bits choose the first letter; below 32 they are letters.
  return Buffer.from(bytes.with(0, (bytes[0] ?? 0) & 0x7f)).toString("base64url");
}
