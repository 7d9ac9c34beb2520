// Lays the six topics out on whatever cluster there is. Called by `checkoutctl topics create`.
import {
  DEAD_LETTER_MAX_BYTES,
  DEAD_LETTER_RETENTION_MS,
  MESSAGE_MAX_BYTES,
  MIN_INSYNC_REPLICAS,
  PARTITIONS_PER_TOPIC,
  REPLICATION_FACTOR,
  SEGMENT_MS,
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

/** The part of a Kafka admin client that this needs. */
export interface TopicAdmin {
  describeCluster(): Promise<{ readonly brokers: readonly unknown[] }>;
  createTopics(
    topics: readonly TopicLayout[],
  ): Promise<{ readonly created: readonly string[]; readonly existing: readonly string[] }>;
  /** A partition without a leader names -1. */
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

/** One way in which a topic is not as it should be: `partitions`, `replicas`, or a setting's name. */
export interface TopicDifference {
  readonly topic: string;
  readonly name: string;
  readonly is: string;
  readonly shouldBe: string;
}

export interface TopicsLaidOut {
  readonly created: readonly string[];
  readonly existing: readonly string[];
  /** What was put right. */
  readonly corrected: readonly TopicDifference[];
  /** What only an operator can decide. */
  readonly differing: readonly TopicDifference[];
}

/** Each service reads as the group of its name. */
const CONSUMER_GROUPS = ["orchestrator", "inventory", "payment", "order", "notification"] as const;

const USABLE_TIMEOUT_MS = 15_000;
const USABLE_POLL_MS = 50;

/**
 * What may differ from the layout without harm: more copies, more of them in sync, room for larger messages. More
 * partitions may not: a saga's messages would no longer share one.
 */
const AT_LEAST: ReadonlySet<string> = new Set(["replicas", "min.insync.replicas", "max.message.bytes"]);
/** Without these the system stands still, or keeps what it must not; setting them harms no message that is there. */
const CORRECTED: ReadonlySet<string> = new Set(["message.timestamp.type", "max.message.bytes", "segment.ms"]);

/**
 * Creates the topics that are missing and compares the others with what they should be: settings without which nothing works are
 * put right, all else is only told. On fewer than three brokers there are fewer copies, and one is enough to write: a
 * development cluster must not stop for want of replicas it cannot have. `untilCoordinated` waits for a consumer group's
 * coordinator: on a fresh cluster the first members would be sent away, and stand idle for seconds.
 */
export async function createTopics(
  admin: TopicAdmin,
  untilCoordinated: (group: string) => Promise<void>,
): Promise<TopicsLaidOut> {
  const { brokers } = await admin.describeCluster();
  const result = await layOut(admin, topicLayout(brokers.length));
  await Promise.all(CONSUMER_GROUPS.map(untilCoordinated));
  return result;
}

/** The same for any topics, without the groups. */
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

async function differencesFrom(
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

/** The controller answers before the brokers have heard of a change; until then they refuse what it is to allow. */
async function untilCorrected(admin: TopicAdmin, layout: readonly TopicLayout[]): Promise<void> {
  const deadline = Date.now() + USABLE_TIMEOUT_MS;
  for (;;) {
    const waiting = (await differencesFrom(admin, layout)).filter(({ name }) => CORRECTED.has(name));
    if (waiting.length === 0) return;
    if (Date.now() > deadline) {
      const what = waiting.map(({ topic, name }) => `${name} of ${topic}`).join(", ");
      throw new AppError("KAFKA_UNAVAILABLE", `the brokers have not taken over ${what} yet`);
    }
    await Bun.sleep(USABLE_POLL_MS);
  }
}

/** A broker answers "created" up to a second before it knows the topic itself; the roles would start into that gap. */
async function untilUsable(admin: TopicAdmin, layout: readonly TopicLayout[]): Promise<void> {
  const deadline = Date.now() + USABLE_TIMEOUT_MS;
  for (;;) {
    const known = new Map((await admin.describeTopics()).map((one) => [one.topic, one.partitions]));
    const waiting = layout
      .map(({ topic }) => topic)
      .filter((topic) => known.get(topic)?.every(({ leader }) => leader !== -1) !== true);
    if (waiting.length === 0) return;
    if (Date.now() > deadline) {
      throw new AppError("KAFKA_UNAVAILABLE", `the brokers do not serve ${waiting.join(", ")} yet`);
    }
    await Bun.sleep(USABLE_POLL_MS);
  }
}

/** The topics as they should be on a cluster of so many brokers. */
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
        // The broker's time. It refuses a message whose own time is an hour ahead of it, so a relay with a wrong clock would
        // stop every checkout.
        "message.timestamp.type": "LogAppendTime",
      },
    };
  });
}
