// Part two: one process produces a million messages, another consumes them. After warming up, neither may grow. Also prints the CPU cost
// per message. Called by main.ts.

import type { Run } from "./run.ts";
import { startWorker } from "./work.ts";
import { isForeign, type Job, type Progress } from "./worker.ts";

const TOPIC = "certify-memory";
const KEYS = 997;
/** After this share of the messages memory must be flat. */
const WARM_UP = 0.4;
const GROWTH_LIMIT_MB = 50;

/** Returns the problems found; none means certified. */
export async function certifyMemory({ brokers, messages }: Run): Promise<string[]> {
  const handled = Array.from({ length: messages }, (_, i) => i).filter(
    (i) => !isForeign(Math.floor(i / KEYS)),
  );
  return [
    ...(await measure({ kind: "produce", brokers, topic: TOPIC, messages, keys: KEYS, rate: 0 })),
    ...(await measure({
      kind: "consume",
      brokers,
      topic: TOPIC,
      groupId: "certify-memory",
      effects: "",
      messages: handled.length,
    })),
  ];
}

async function measure(job: Job): Promise<string[]> {
  const samples: Progress[] = [];
  const started = performance.now();
  const worker = startWorker(job, (progress) => samples.push(progress));
  const exitCode = await worker.exited;
  const seconds = (performance.now() - started) / 1_000;
  const problems: string[] = worker.progress.failures.map((failure) => `${job.kind}: ${failure}`);
  if (exitCode !== 0) problems.push(`${job.kind} exited with ${exitCode}`);

  const { done, skipped, cpuMs } = worker.progress;
  const count = done + skipped;
  const warm = samples.filter((sample) => sample.done >= WARM_UP * job.messages);
  const first = warm[0];
  if (first === undefined || done < job.messages) return [...problems, `${job.kind} stopped at ${done}`];
  // Without the start-up, which loads the program and fills librdkafka's buffers.
  const cpuPerMessage = ((cpuMs - first.cpuMs) * 1_000) / (count - first.done - first.skipped);
  const peak = Math.max(...warm.map(({ rssMb }) => rssMb));
  const growth = peak - first.rssMb;
  if (growth > GROWTH_LIMIT_MB) problems.push(`${job.kind} grew by ${growth.toFixed(0)} MB after warming up`);
  console.log(
    `${job.kind}: ${count} messages in ${seconds.toFixed(1)} s, ${cpuPerMessage.toFixed(2)} us of CPU each, ` +
      `RSS ${first.rssMb.toFixed(0)} MB warm, ${peak.toFixed(0)} MB at most`,
  );
  return problems;
}
