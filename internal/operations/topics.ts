// Creates the six topics on any cluster and corrects their settings. Called by `checkoutctl topics create`.
import {
  DEAD_LETTER_MAX_BYTES,
  DEAD_LETTER_RETENTION_MS,
  MESSAGE_MAX_BYTES,
  MIN_INSYNC_REPLICAS,
  PARTITIONS_PER_TOPIC,
  REPLICATION_FACTOR,
  SEGMENT_MS,
  SUBSCRIPTIONS,
  TOPIC_RETENTION_MS,
  TOPICS,
} from "../../schemas/topics.ts";
import { AppError } from "../kernel/errors.ts";

export interface TopicLayout {
  readonly topic: string;
  readonly partitions: number;
  readonly replicationFactor: number;
  readonly config: Readonly<Record<string, string>>;
}

/** The part of a Kafka admin client that is used here. */
export interface TopicAdmin {
  describeCluster(): Promise<{ readonly brokers: readonly unknown[] }>;
  createTopics(
    topics: readonly TopicLayout[],
  ): Promise<{ readonly created: readonly string[]; readonly existing: readonly string[] }>;
  /** A partition without a leader has leader -1. */
  describeTopics(): Promise<
    readonly {
      readonly topic: string;
      readonly partitions: readonly { readonly leader: number; readonly replicas: readonly unknown[] }[];
    }[]
  >;
  topicSettings(topics: readonly string[]): Promise<ReadonlyMap<string, Readonly<Record<string, string>>>>;
  changeSettings(
    changes: readonly { readonly topic: string; readonly name: string; readonly value: string }[],
  ): Promise<void>;
}

/** One difference from the layout. `name` is `partitions`, `replicas` or the name of a setting. */
export interface TopicDifference {
  readonly topic: string;
  readonly name: string;
  readonly is: string;
  readonly shouldBe: string;
}

export interface TopicsLaidOut {
  readonly created: readonly string[];
  readonly existing: readonly string[];
  /** Settings that were corrected. */
  readonly corrected: readonly TopicDifference[];
  /** Differences that an operator must decide. */
  readonly differing: readonly TopicDifference[];
}

const USABLE_TIMEOUT_MS = 15_000;
const USABLE_POLL_MS = 50;

/**
 * Larger values than in the layout do no harm here: more replicas, more of them in sync, larger messages. More partitions would:
 * the messages of a saga would no longer share one.
 */
const AT_LEAST: ReadonlySet<string> = new Set(["replicas", "min.insync.replicas", "max.message.bytes"]);
/** Wrong values stop the system or keep data too long. Changing them does not affect existing messages. */
const CORRECTED: ReadonlySet<string> = new Set(["message.timestamp.type", "max.message.bytes", "segment.ms"]);

/**
 * Creates missing topics and compares the others with the layout: essential settings are corrected, other differences are only
 * reported. With fewer than three brokers there are fewer replicas and one is enough to write, so that a development cluster does
 * not stop for missing replicas. `untilCoordinated` waits for a consumer group's coordinator: on a fresh cluster the first
 * members would be rejected and then be idle for seconds.
 */
export async function createTopics(
  admin: TopicAdmin,
  untilCoordinated: (group: string) => Promise<void>,
): Promise<TopicsLaidOut> {
  const { brokers } = await admin.describeCluster();
  const result = await layOut(admin, topicLayout(brokers.length));
  await Promise.all(Object.keys(SUBSCRIPTIONS).map(untilCoordinated));
  return result;
}

/** Does the same for any topics, without waiting for consumer groups. */
export async function layOut(admin: TopicAdmin, layout: readonly TopicLayout[]): Promise<TopicsLaidOut> {
  const { created, existing } = await admin.createTopics(layout);
  await untilUsable(admin, layout);
  const made = layout.filter(({ topic }) => existing.includes(topic));
  const differences = await differencesFrom(admin, made);
  const corrected = differences.filter(({ name }) => CORRECTED.has(name));
  await admin.changeSettings(
    corrected.map(({ topic, name, shouldBe }) => ({ topic, name, value: shouldBe })),
  );
  if (corrected.length > 0) await untilCorrected(admin, made);
  const differing = differences.filter(({ name }) => !CORRECTED.has(name));
  return { created, existing, corrected, differing };
}

/** How existing topics differ from the layout. Changes nothing. */
export async function differencesFrom(
  admin: TopicAdmin,
  layout: readonly TopicLayout[],
): Promise<TopicDifference[]> {
  if (layout.length === 0) return [];
  const described = new Map(
    (await admin.describeTopics()).map(({ topic, partitions }) => [topic, partitions]),
  );
  const settings = await admin.topicSettings(layout.map(({ topic }) => topic));
  return layout.flatMap(({ topic, partitions: wanted, replicationFactor, config }) => {
    const partitions = described.get(topic) ?? [];
    const copies = Math.min(...partitions.map(({ replicas }) => replicas.length));
    const facts: [name: string, is: string, shouldBe: string][] = [
      ["partitions", String(partitions.length), String(wanted)],
      ["replicas", String(copies), String(replicationFactor)],
      ...Object.entries(config).map(([name, shouldBe]): [string, string, string] => [
        name,
        settings.get(topic)?.[name] ?? "unknown",
        shouldBe,
      ]),
    ];
    return facts
      .filter(([name, is, shouldBe]) =>
        AT_LEAST.has(name) ? !(Number(is) >= Number(shouldBe)) : is !== shouldBe,
      )
      .map(([name, is, shouldBe]) => ({ topic, name, is, shouldBe }));
  });
}

/** The controller replies before the brokers apply a change. Until then they still use the old setting. */
async function untilCorrected(admin: TopicAdmin, layout: readonly TopicLayout[]): Promise<void> {
  const deadline = Date.now() + USABLE_TIMEOUT_MS;
  for (;;) {
    const waiting = (await differencesFrom(admin, layout)).filter(({ name }) => CORRECTED.has(name));
    if (waiting.length === 0) return;
    if (Date.now() > deadline) {
      const what = waiting.map(({ topic, name }) => `${name} of ${topic}`).join(", ");
      throw new AppError("KAFKA_UNAVAILABLE", `the brokers have not applied ${what} yet: run it again`);
    }
    await Bun.sleep(USABLE_POLL_MS);
  }
}

/** A broker reports "created" up to a second before it knows the topic. Without this wait the roles would start in that gap. */
async function untilUsable(admin: TopicAdmin, layout: readonly TopicLayout[]): Promise<void> {
  const deadline = Date.now() + USABLE_TIMEOUT_MS;
  for (;;) {
    const known = new Map((await admin.describeTopics()).map((one) => [one.topic, one.partitions]));
    const waiting = layout
      .map(({ topic }) => topic)
      .filter((topic) => known.get(topic)?.every(({ leader }) => leader !== -1) !== true);
    if (waiting.length === 0) return;
    if (Date.now() > deadline) {
      throw new AppError(
        "KAFKA_UNAVAILABLE",
        `the brokers do not serve ${waiting.join(", ")} yet: run it again`,
      );
    }
    await Bun.sleep(USABLE_POLL_MS);
  }
}

/** The expected topics on a cluster with this many brokers. */
export function topicLayout(brokers: number): TopicLayout[] {
  const replicationFactor = Math.min(REPLICATION_FACTOR, brokers);
  const minInSync = replicationFactor === REPLICATION_FACTOR ? MIN_INSYNC_REPLICAS : 1;
  return Object.values(TOPICS).map((topic) => {
    const isDeadLetters = topic === TOPICS.deadLetters;
    return {
      topic,
      partitions: PARTITIONS_PER_TOPIC,
      replicationFactor,
      config: {
        "min.insync.replicas": String(minInSync),
        "retention.ms": String(isDeadLetters ? DEAD_LETTER_RETENTION_MS : TOPIC_RETENTION_MS),
        "segment.ms": String(SEGMENT_MS),
        "max.message.bytes": String(isDeadLetters ? DEAD_LETTER_MAX_BYTES : MESSAGE_MAX_BYTES),
        // Use the broker's time. With CreateTime the broker rejects messages dated more than an hour ahead, so a relay with a
        // wrong clock would stop every checkout.
        "message.timestamp.type": "LogAppendTime",
      },
    };
  });
}
