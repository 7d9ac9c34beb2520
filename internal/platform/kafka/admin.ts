// Admin client of the Kafka cluster: creates and describes topics. Used by `checkoutctl` and the tests.
//
// Not here: the lag of a consumer group. An admin client that asks for a group's offsets while the coordinator refuses ends the
// process with SIGSEGV (rd_kafka_handle_OffsetFetch of librdkafka 2.15.1 looks up a consumer group that an admin client does not
// have). Only a consumer, which knows its own position, can report its lag.

import type { Metadata, MetadataOptions } from "@confluentinc/kafka-javascript";

import { AppError } from "../../kernel/errors.ts";
import type { AccessRule } from "../../kernel/ports.ts";
import { kafka, type AdminClient } from "./addon.ts";
import { Refusals } from "./refusal.ts";
import { accessError, ruleOf, textsOf } from "./access-rule.ts";
import {
  type Calls,
  callsOf,
  commonSettings,
  DEFAULT_CONNECT_TIMEOUT_MS,
  type KafkaFailure,
  type KafkaOptions,
} from "./connection.ts";

export interface NewTopic {
  readonly topic: string;
  readonly partitions: number;
  readonly replicationFactor: number;
  /** For example `{ "min.insync.replicas": "2" }`. */
  readonly config?: Readonly<Record<string, string>>;
}

export interface TopicDescription {
  readonly topic: string;
  /** Broker ids. The leader is -1 if there is none. */
  readonly partitions: readonly {
    readonly partition: number;
    readonly leader: number;
    readonly replicas: readonly number[];
    readonly inSync: readonly number[];
  }[];
}

export type TopicSettings = Readonly<Record<string, string>>;

export interface SettingChange {
  readonly topic: string;
  /** For example `retention.ms`. */
  readonly name: string;
  readonly value: string;
}

export type Broker = { readonly id: number; readonly host: string; readonly port: number };

/** Every method throws AppError KAFKA_UNAVAILABLE, KAFKA_DENIED or, if it takes topics, KAFKA_TOPIC_MISSING. */
export interface Admin extends AsyncDisposable {
  /** Creates missing topics and waits until they are usable. Does not change existing ones. */
  createTopics(
    topics: readonly NewTopic[],
  ): Promise<{ readonly created: string[]; readonly existing: string[] }>;
  deleteTopics(topics: readonly string[]): Promise<void>;
  /** All settings of each topic by name, including those inherited from the broker. */
  topicSettings(topics: readonly string[]): Promise<ReadonlyMap<string, TopicSettings>>;
  /** Changes these settings and no others. */
  changeSettings(changes: readonly SettingChange[]): Promise<void>;
  /** Rules about topics, groups and the cluster. */
  accessRules(): Promise<readonly AccessRule[]>;
  /** Adds rules; one that exists already changes nothing. */
  addAccessRules(rules: readonly AccessRule[]): Promise<void>;
  /** Removes exactly these. */
  removeAccessRules(rules: readonly AccessRule[]): Promise<void>;
  /** Without names: all topics except Kafka's internal ones. */
  describeTopics(topics?: readonly string[]): Promise<readonly TopicDescription[]>;
  describeCluster(): Promise<{ readonly brokers: readonly Broker[] }>;
  close(): Promise<void>;
}

/** Resolves when a broker has answered. Throws AppError KAFKA_UNAVAILABLE, or KAFKA_DENIED if the broker rejects us. */
export async function openAdmin(options: KafkaOptions): Promise<Admin> {
  const timeoutMs = options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS;
  const refusals = new Refusals();
  const tell = ({ message }: { message: string }) => {
    refusals.note(message);
    options.onEvent?.({ level: "warn", name: "ADMIN", message });
  };
  const events = { "event.error": tell, "event.log": tell };
  const client = kafka().AdminClient.create(commonSettings(options), events);
  const admin = new KafkaAdmin(client, timeoutMs, callsOf(options.security?.account ?? null));
  try {
    await admin.describeCluster();
    return admin;
  } catch (error) {
    await admin.close();
    throw refusals.explain(error);
  }
}

const NO_RULE: AccessRule = {
  resource: "topic",
  name: "no-such-topic",
  pattern: "LITERAL",
  principal: `User:${crypto.randomUUID()}`,
  host: "*",
  operation: "READ",
  permission: "DENY",
};
const TOPIC_ALREADY_EXISTS = 36;
const LEADER_POLL_MS = 20;
/** Longer than the connect timeout: on a busy machine the brokers need that long for a hundred new partitions. */
const LEADERS_TIMEOUT_MS = 60_000;

class KafkaAdmin implements Admin {
  readonly #client: AdminClient;
  readonly #timeoutMs: number;
  readonly #calls: Calls;
  #closed = false;

  constructor(client: AdminClient, timeoutMs: number, calls: Calls) {
    this.#client = client;
    this.#timeoutMs = timeoutMs;
    this.#calls = calls;
  }

  async createTopics(topics: readonly NewTopic[]) {
    const created: string[] = [];
    const existing: string[] = [];
    await Promise.all(
      topics.map(async ({ topic, partitions, replicationFactor, config = {} }) => {
        const request = { topic, num_partitions: partitions, replication_factor: replicationFactor, config };
        const isNew = await new Promise<boolean>((resolve, reject) => {
          this.#client.createTopic(request, this.#timeoutMs, (failure?: KafkaFailure) => {
            if (failure?.code === TOPIC_ALREADY_EXISTS) resolve(false);
            else if (failure) reject(this.#calls.failed(`cannot create topic ${topic}`, failure));
            else resolve(true);
          });
        });
        (isNew ? created : existing).push(topic);
      }),
    );
    await this.#untilUsable(created);
    return { created: created.toSorted(), existing: existing.toSorted() };
  }

  /** A new topic exists before all brokers know it. A client that used it at once would get "unknown topic". */
  async #untilUsable(topics: readonly string[]): Promise<void> {
    const deadline = performance.now() + LEADERS_TIMEOUT_MS;
    while (topics.length > 0) {
      const found = new Map(
        (await this.describeTopics()).map(({ topic, partitions }) => [topic, partitions]),
      );
      if (topics.every((topic) => found.get(topic)?.every(({ leader }) => leader >= 0))) return;
      if (performance.now() > deadline) {
        throw new AppError("KAFKA_UNAVAILABLE", `not every partition of ${topics.join(", ")} has a leader`);
      }
      await Bun.sleep(LEADER_POLL_MS);
    }
  }

  async deleteTopics(topics: readonly string[]): Promise<void> {
    await Promise.all(
      topics.map((topic) =>
        this.#calls.ask<unknown>(`cannot delete topic ${topic}`, (done) =>
          this.#client.deleteTopic(topic, this.#timeoutMs, (failure) => done(failure, undefined)),
        ),
      ),
    );
  }

  async topicSettings(topics: readonly string[]): Promise<ReadonlyMap<string, TopicSettings>> {
    const { addon } = kafka();
    const answer = await addon.topicConfigs(this.#handle, topics, this.#timeoutMs);
    if (answer.code !== "NO_ERROR")
      throw this.#calls.failed(`cannot read the settings of ${topics.join(", ")}`, answer);
    const settings = Map.groupBy(answer.rows, ([topic]) => topic);
    return new Map(
      topics.map((topic) => [
        topic,
        Object.fromEntries((settings.get(topic) ?? []).map(([, name, value]) => [name, value])),
      ]),
    );
  }

  async changeSettings(changes: readonly SettingChange[]): Promise<void> {
    if (changes.length === 0) return;
    const flat = changes.flatMap(({ topic, name, value }) => [topic, name, value]);
    const answer = await kafka().addon.alterTopicConfigs(this.#handle, flat, this.#timeoutMs);
    if (answer.code !== "NO_ERROR") {
      const what = changes.map(({ topic, name, value }) => `${topic} ${name}=${value}`).join(", ");
      throw this.#calls.failed(`cannot set ${what}`, answer);
    }
  }

  async accessRules(): Promise<readonly AccessRule[]> {
    const answer = await kafka().addon.describeAcls(this.#handle, [], this.#timeoutMs);
    if (answer.code !== "NO_ERROR") throw accessError(this.#calls, "cannot read the access lists", answer);
    if (answer.rows.length === 0) await this.#requireAccessLists();
    return answer.rows.map(ruleOf);
  }

  /**
   * librdkafka 2.15.1 drops the error of this request: whoever may not read the lists, and whoever asks brokers without any, gets an empty
   * list. Removing a rule that cannot exist has the error. Whoever may read and not write got the right by a rule, so the list was not
   * empty.
   */
  async #requireAccessLists(): Promise<void> {
    const answer = await kafka().addon.deleteAcls(this.#handle, textsOf(NO_RULE), this.#timeoutMs);
    if (answer.code !== "NO_ERROR") throw accessError(this.#calls, "cannot read the access lists", answer);
  }

  async addAccessRules(rules: readonly AccessRule[]): Promise<void> {
    if (rules.length === 0) return;
    const answer = await kafka().addon.createAcls(this.#handle, rules.flatMap(textsOf), this.#timeoutMs);
    if (answer.code !== "NO_ERROR") throw accessError(this.#calls, "cannot add to the access lists", answer);
  }

  async removeAccessRules(rules: readonly AccessRule[]): Promise<void> {
    if (rules.length === 0) return;
    const answer = await kafka().addon.deleteAcls(this.#handle, rules.flatMap(textsOf), this.#timeoutMs);
    if (answer.code !== "NO_ERROR")
      throw accessError(this.#calls, "cannot remove from the access lists", answer);
  }

  get #handle(): number {
    const { _client: native } = this.#client;
    return kafka().addon.handleOf(native);
  }

  async describeTopics(topics?: readonly string[]): Promise<readonly TopicDescription[]> {
    const found = (await this.#metadata({ allTopics: true })).topics.map(({ name, partitions }) => ({
      topic: name,
      partitions: partitions.map(({ id, leader, replicas, isrs }) => ({
        partition: id,
        leader,
        replicas,
        inSync: isrs,
      })),
    }));
    if (topics === undefined) return found.filter(({ topic }) => !topic.startsWith("__"));
    return topics.map((name) => {
      const description = found.find(({ topic }) => topic === name);
      if (description === undefined) throw new AppError("KAFKA_TOPIC_MISSING", `no topic ${name}`);
      return description;
    });
  }

  async describeCluster() {
    const { brokers } = await this.#metadata({ allTopics: false });
    return { brokers: brokers.map(({ id, host, port }) => ({ id, host, port })) };
  }

  #metadata(options: MetadataOptions): Promise<Metadata> {
    return this.#calls.ask<Metadata>("cannot reach Kafka", (done) =>
      this.#client.getMetadata({ ...options, timeout: this.#timeoutMs }, done),
    );
  }

  /** The package closes an admin client synchronously, on this thread. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#client.disconnect();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
