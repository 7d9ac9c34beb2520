// Part one: two consumers of one group follow a producer. A consumer is killed with -9 and restarted three times, the broker once.
// Afterwards the log must have every message once and in the order of its key, and the consumers must have handled every message, none
// before the message that it follows. Called by main.ts.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { readTopic } from "../../platform/kafka/read-topic.ts";
import { waitUntil } from "../../stack/wait.ts";
import type { Run } from "./run.ts";
import { startWorker } from "./work.ts";
import { bodyOf, isForeign } from "./worker.ts";

const TOPIC = "certify-delivery";
const KEYS = 997;
/** Slow enough that every kill happens during the run. */
const RATE = 4_000;
/** What is killed after which share of the messages. */
const KILLS = [
  { at: 0.2, victim: 0 },
  { at: 0.4, victim: 1 },
  { at: 0.55, victim: "broker" },
  { at: 0.75, victim: 0 },
] as const;
const CATCH_UP_TIMEOUT_MS = 120_000;

/** Returns the problems found; none means certified. */
export async function certifyDelivery(run: Run): Promise<string[]> {
  const effects = join(run.directory, "effects.txt");
  writeFileSync(effects, "");
  const { brokers } = run;
  const consumer = () =>
    startWorker({ kind: "consume", brokers, topic: TOPIC, groupId: "certify", effects, messages: 0 });
  const consumers = [consumer(), consumer()];
  const producer = startWorker({
    kind: "produce",
    brokers,
    topic: TOPIC,
    messages: run.messages,
    keys: KEYS,
    rate: RATE,
  });
  for (const { at, victim } of KILLS) {
    const timeoutMs = (run.messages / RATE) * 1_000 + CATCH_UP_TIMEOUT_MS;
    await waitUntil(`${at} of the messages`, () => producer.progress.done >= at * run.messages, {
      timeoutMs,
    });
    console.log(
      `${producer.progress.done} produced: killing ${victim === "broker" ? victim : `consumer ${victim}`}`,
    );
    if (victim === "broker") {
      await run.killBroker();
    } else {
      await consumers[victim]?.kill();
      consumers[victim] = consumer();
    }
  }
  const exitCode = await producer.exited;
  const handled = expectedHandled(run.messages);
  const caughtUp = () => distinct(readEffects(effects)) >= handled;
  const problems: string[] = producer.progress.failures.map((failure) => `produce failed: ${failure}`);
  if (exitCode !== 0) problems.push(`the producer exited with ${exitCode}`);
  await waitUntil("all messages handled", caughtUp, {
    timeoutMs: CATCH_UP_TIMEOUT_MS,
    intervalMs: 500,
  }).catch((error: unknown) => problems.push(String(error)));
  for (const { progress } of consumers) problems.push(...progress.failures);
  await Promise.all(consumers.map((worker) => worker.kill()));

  problems.push(...(await checkLog(run)), ...checkEffects(readEffects(effects), run.messages));
  const lines = readEffects(effects).length;
  console.log(
    `delivery: ${run.messages} messages, ${handled} of them handled, ${lines - handled} more than once`,
  );
  return problems;
}

/** Checks the log: per key 0, 1, 2, .. without a gap or a repetition. */
async function checkLog({ brokers, messages }: Run): Promise<string[]> {
  const problems: string[] = [];
  const next = new Map<number, number>();
  let count = 0;
  for await (const batch of readTopic({ brokers, clientId: "certify", topic: TOPIC })) {
    for (const value of batch.values) {
      const { key, n } = bodyOf(value);
      const expected = next.get(key) ?? 0;
      if (n !== expected) problems.push(`log: key ${key} has ${n}, expected ${expected}`);
      next.set(key, n + 1);
      count++;
    }
  }
  if (count !== messages) problems.push(`log: ${count} messages instead of ${messages}`);
  return problems;
}

/** Checks the effects: every handled message is there, and none comes before the previous message of its key. */
function checkEffects(effects: readonly Effect[], messages: number): string[] {
  const problems: string[] = [];
  const highest = new Map<number, number>();
  for (const { key, n } of effects) {
    const last = highest.get(key) ?? -1;
    if (n > following(last)) problems.push(`effects: key ${key} jumps from ${last} to ${n}`);
    if (n > last) highest.set(key, n);
  }
  const missing = expectedHandled(messages) - distinct(effects);
  if (missing !== 0) problems.push(`effects: ${missing} messages were never handled`);
  return problems;
}

/** The number of the next handled message of a key. */
function following(n: number): number {
  return isForeign(n + 1) ? n + 2 : n + 1;
}

function expectedHandled(messages: number): number {
  let handled = 0;
  for (let i = 0; i < messages; i++) if (!isForeign(Math.floor(i / KEYS))) handled++;
  return handled;
}

interface Effect {
  readonly key: number;
  readonly n: number;
}

/** Reads only complete lines: a killed writer may leave a partial one. */
function readEffects(file: string): Effect[] {
  return [...readFileSync(file, "utf8").matchAll(/^(\d+) (\d+)\n/gm)].map(([, key, n]) => ({
    key: Number(key),
    n: Number(n),
  }));
}

function distinct(effects: readonly Effect[]): number {
  return new Set(effects.map(({ key, n }) => key * 1_000_000 + n)).size;
}
