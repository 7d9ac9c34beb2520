// An in-memory Kafka with more faults than the real one. A produce may fail, or succeed without acknowledgement. Messages are
// consumed in any order, more than once, and again if their offsets were not committed. Called by simulation.ts.
import { MESSAGES } from "../../../schemas/registry.ts";
import { TOPICS, type Topic } from "../../../schemas/topics.ts";
import { AppError, assert } from "../../kernel/errors.ts";
import {
  type BatchProducer,
  type ConsumedBatch,
  type Consumer,
  FIELD_SEPARATOR,
  type RawMessage,
  RECORD_SEPARATOR,
} from "../../kernel/ports.ts";
import { chanceOf, shuffled } from "../../kernel/random.ts";

const MAX_POLL = 20;
const REFUSED_RATE = 0.05;
const UNACKNOWLEDGED_RATE = 0.05;
const PARTLY_REFUSED_RATE = 0.1;
const DUPLICATE_RATE = 0.1;
const UNCOMMITTED_RATE = 0.15;

interface Entry {
  readonly topic: Topic;
  readonly offset: number;
  readonly key: string;
  readonly type: string;
  readonly body: string;
}

export class Broker {
  readonly #topics = new Map<Topic, Entry[]>(Object.values(TOPICS).map((topic) => [topic, []]));
  readonly #random: () => number;
  /** Stops injected faults. A calm broker still delivers in any order. */
  isCalm = false;
  /** Delivers in topic order, as Kafka does for the messages of one saga in one partition. */
  keepsOrder = false;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** The parsed messages of the topic. */
  read(topic: Topic): readonly unknown[] {
    return this.entries(topic).map(({ body }): unknown => JSON.parse(body));
  }

  entries(topic: Topic): readonly Entry[] {
    return this.#topics.get(topic) ?? [];
  }

  readonly producer: BatchProducer = {
    produce: (text) => {
      const records = text.split(RECORD_SEPARATOR);
      if (this.strikes(REFUSED_RATE)) return Promise.reject(unavailable("the broker accepted nothing"));
      const refused = records.map(
        () => records.length > 1 && !this.keepsOrder && this.strikes(PARTLY_REFUSED_RATE),
      );
      if (refused.every(Boolean)) refused.fill(false);
      for (const record of records.filter((_, index) => refused[index] === false)) this.#append(record);
      // The records are stored, but the producer gets an error.
      if (this.strikes(UNACKNOWLEDGED_RATE)) return Promise.reject(unavailable("no acknowledgement came"));
      const failure = { code: "_MSG_TIMED_OUT", message: "not delivered" };
      return Promise.resolve(
        refused.flatMap((isRefused, index) => (isRefused ? [{ ...failure, index }] : [])),
      );
    },
    close: () => Promise.resolve(),
  };

  /** A consumer group with one member that reads the topics from the beginning. */
  group(topics: readonly Topic[], types: readonly string[]): Group {
    return new Group(this, topics, new Set(types), this.#random);
  }

  strikes(rate: number): boolean {
    return !this.isCalm && chanceOf(this.#random, rate);
  }

  #append(record: string): void {
    const [name, key = "", type = "", body = ""] = record.split(FIELD_SEPARATOR);
    const topic = Object.values(TOPICS).find((known) => known === name);
    assert(topic !== undefined, `there is no topic ${name}`);
    const entries = this.#topics.get(topic) ?? [];
    entries.push({ topic, offset: entries.length, key, type, body });
  }
}

export class Group implements Consumer {
  readonly #broker: Broker;
  readonly #topics: readonly Topic[];
  readonly #types: ReadonlySet<string>;
  readonly #random: () => number;
  readonly #read = new Map<Topic, number>();
  #pending: Entry[] = [];

  constructor(broker: Broker, topics: readonly Topic[], types: ReadonlySet<string>, random: () => number) {
    this.#broker = broker;
    this.#topics = topics;
    this.#types = types;
    this.#random = random;
  }

  /** True if nothing is left to deliver. */
  get isIdle(): boolean {
    this.#fetch();
    return this.#pending.length === 0;
  }

  poll(): Promise<ConsumedBatch | null> {
    this.#fetch();
    if (this.#pending.length === 0) return Promise.resolve(null);
    const size = 1 + Math.floor(this.#random() * MAX_POLL);
    const next = this.#broker.keepsOrder ? this.#pending : shuffled(this.#random, this.#pending);
    const taken = next.slice(0, size);
    this.#pending = next.slice(size);
    const batch = taken.flatMap((entry) => (this.#broker.strikes(DUPLICATE_RATE) ? [entry, entry] : [entry]));
    return Promise.resolve({
      values: batch.map(({ body }): unknown => JSON.parse(body)),
      undecodable: [],
      skipped: 0,
      raw: (index) => rawOf(entryOf(batch, index)),
      topic: (index) => entryOf(batch, index).topic,
      done: () => {
        if (this.#broker.strikes(UNCOMMITTED_RATE)) this.#pending.push(...taken);
      },
      release: () => undefined,
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #fetch(): void {
    for (const topic of this.#topics) {
      const entries = this.#broker.entries(topic);
      const unread = entries.slice(this.#read.get(topic) ?? 0);
      this.#read.set(topic, entries.length);
      this.#pending.push(...unread.filter(({ type }) => this.#types.has(type) || !(type in MESSAGES)));
    }
  }
}

function entryOf(batch: readonly Entry[], index: number): Entry {
  const entry = batch[index];
  assert(entry !== undefined, "a batch has no such message");
  return entry;
}

function rawOf({ topic, offset, key, type, body }: Entry): RawMessage {
  const headers = [["type", Buffer.from(type)]] as const;
  return {
    topic,
    partition: 0,
    offset,
    timestampMs: 0,
    key: Buffer.from(key),
    value: Buffer.from(body),
    headers,
  };
}

function unavailable(message: string): AppError {
  return new AppError("KAFKA_UNAVAILABLE", message);
}
