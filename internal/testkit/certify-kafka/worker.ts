// One process of the certification: a producer or a consumer that can be killed at any time. Started by work.ts with its job as one JSON
// argument; prints its progress as JSON lines on standard output.

import { appendFileSync } from "node:fs";

import { AppError } from "../../kernel/errors.ts";
import { FIELD_SEPARATOR, RECORD_SEPARATOR } from "../../kernel/ports.ts";
import { openConsumer } from "../../platform/kafka/consumer.ts";
import { openProducer } from "../../platform/kafka/producer.ts";

export type Job =
  | {
      readonly kind: "produce";
      readonly brokers: string;
      readonly topic: string;
      readonly messages: number;
      readonly keys: number;
      /** Messages per second; 0: as fast as possible. */
      readonly rate: number;
    }
  | {
      readonly kind: "consume";
      readonly brokers: string;
      readonly topic: string;
      readonly groupId: string;
      /** The file that gets each message before its offset is committed; empty: messages are only counted. */
      readonly effects: string;
      /** Ends after this many messages of the handled type; 0: never. */
      readonly messages: number;
    };

export interface Progress {
  readonly done: number;
  /** Messages dropped by type. */
  readonly skipped: number;
  readonly cpuMs: number;
  readonly rssMb: number;
  readonly failures: readonly string[];
}

/** Every tenth message is of a type that the consumer does not handle. */
export const HANDLED = "Handled";
export const FOREIGN = "Foreign";
export const isForeign = (n: number) => n % 10 === 9;

export interface Body {
  readonly key: number;
  /** Counts per key from 0, foreign messages included. */
  readonly n: number;
}

export function bodyOf(value: unknown): Body {
  if (typeof value === "object" && value !== null && "key" in value && "n" in value) {
    return { key: Number(value.key), n: Number(value.n) };
  }
  throw new Error(`not a message of the certification: ${JSON.stringify(value)}`);
}

const BATCH = 500;
const PADDING = "x".repeat(290);
/** Longer than a restart of the broker. */
const DELIVERY_TIMEOUT_MS = 120_000;

const failures: string[] = [];
const startCpu = process.cpuUsage();

function report(done: number, skipped: number): void {
  const cpu = process.cpuUsage(startCpu);
  const rssMb = process.memoryUsage.rss() / 1e6;
  const progress: Progress = { done, skipped, cpuMs: (cpu.user + cpu.system) / 1e3, rssMb, failures };
  process.stdout.write(`${JSON.stringify(progress)}\n`);
}

async function produce(job: Job & { kind: "produce" }): Promise<void> {
  const producer = await openProducer({
    brokers: job.brokers,
    clientId: "certify",
    deliveryTimeoutMs: DELIVERY_TIMEOUT_MS,
  });
  const started = performance.now();
  for (let done = 0; done < job.messages;) {
    const size = Math.min(BATCH, job.messages - done);
    const failed = await producer.produce(records(job, done, size));
    failures.push(...failed.map(({ index, code }) => `${done + index}: ${code}`));
    done += size;
    report(done, 0);
    if (job.rate > 0) await Bun.sleep(Math.max(0, (done / job.rate) * 1_000 - (performance.now() - started)));
  }
  await producer.close();
}

function records({ topic, keys }: Job & { kind: "produce" }, from: number, size: number): string {
  const lines: string[] = [];
  for (let i = from; i < from + size; i++) {
    const n = Math.floor(i / keys);
    const body: Body & { padding: string } = { key: i % keys, n, padding: PADDING };
    const type = isForeign(n) ? FOREIGN : HANDLED;
    lines.push([topic, `key-${i % keys}`, type, JSON.stringify(body)].join(FIELD_SEPARATOR));
  }
  return lines.join(RECORD_SEPARATOR);
}

async function consume(job: Job & { kind: "consume" }): Promise<void> {
  const { brokers, topic, groupId, effects } = job;
  const consumer = await openConsumer({
    brokers,
    clientId: "certify",
    groupId,
    topics: [topic],
    types: [HANDLED],
    // So that a killed member's partitions move within the run.
    sessionTimeoutMs: 6_000,
  });
  let done = 0;
  let skipped = 0;
  while (job.messages === 0 || done < job.messages) {
    try {
      const batch = await consumer.poll({ maxMessages: BATCH, waitMs: 1_000, lingerMs: 5 });
      if (batch === null) continue;
      try {
        if (effects !== "") appendFileSync(effects, effectLines(batch.values));
        failures.push(...batch.undecodable.map(({ offset }) => `undecodable at ${offset}`));
        done += batch.values.length;
        skipped += batch.skipped;
        batch.done();
      } finally {
        batch.release();
      }
    } catch (error) {
      // The broker is restarting. It redelivers what was not committed.
      if (!(error instanceof AppError && error.code === "KAFKA_UNAVAILABLE")) throw error;
      await Bun.sleep(100);
    }
    report(done, skipped);
  }
  await consumer.close();
}

/** One write per batch. After a kill its lines are there or not; a partial line was not committed either. */
function effectLines(values: readonly unknown[]): string {
  const lines = values.map((value) => {
    const { key, n } = bodyOf(value);
    return `${key} ${n}\n`;
  });
  return `\n${lines.join("")}`;
}

if (import.meta.main) {
  const job: Job = JSON.parse(process.argv[2] ?? "");
  await (job.kind === "produce" ? produce(job) : consume(job));
}
