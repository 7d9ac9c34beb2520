// What a database lacks that Kafka and the other databases know: messages that it sent and no longer has in its outbox, and messages that
// it took and no longer has in its inbox. A standby that was promoted before it had everything lacks the end of the log of its primary, so
// the first of these messages also says since when. Called by repair.ts; reads only.
import type { Sql } from "postgres";
import { inboxOf } from "../../schemas/consumers.ts";
import { type DatabaseName, DATABASES } from "../../schemas/migrations.ts";
import { DEAD_LETTER_TYPE } from "../../schemas/outbox-rules.ts";
import type { MessageType } from "../../schemas/registry.ts";
import { TOPICS, type Topic } from "../../schemas/topics.ts";
import { timeOfId } from "../kernel/time-of-id.ts";
import { decode } from "../messaging/envelope.ts";
import { findInInbox } from "../messaging/inbox.ts";
import { findInOutbox } from "../messaging/outbox.ts";
import { isDeadLetter, messageIdOf } from "../messaging/read-dead-letter.ts";
import { lastReplayedAt, notPublished, waitingForRetry } from "./repair-store.ts";
import { consumerOf, producerOf } from "./replay-plan.ts";

/** Valid until the next batch is read. */
export interface TopicBatch {
  readonly values: readonly unknown[];
  raw(index: number): { readonly partition: number; readonly offset: number; readonly timestampMs: number };
}

export interface LossSources {
  readonly databases: Readonly<Record<DatabaseName, Sql>>;
  /** The topic from its beginning to its current end. */
  readonly readTopic: (topic: Topic) => AsyncIterable<TopicBatch> | Iterable<TopicBatch>;
  /** Resolves when what was on its way has arrived: a consumer commits the parts of a batch one after the other. */
  readonly settle: () => Promise<void>;
}

export interface FoundMessage {
  readonly message_id: string;
  readonly type: MessageType | typeof DEAD_LETTER_TYPE;
  readonly saga_id: string | null;
  /** The earlier of the time in its id and the time at which Kafka took it, epoch ms. */
  readonly at: number;
}

/** A message to a database, and the database whose outbox sends it. */
export interface SentMessage extends FoundMessage {
  readonly from: DatabaseName;
}

export interface Loss {
  readonly database: DatabaseName;
  /** Kafka has them, and its outbox, which sent them, has not. */
  readonly lost: readonly FoundMessage[];
  /** Its inbox has later ones of the same partition and not these: it must get them again. */
  readonly untaken: readonly SentMessage[];
  /**
   * Newer ones that it does not have: they are on their way, or lost too if it has lost anything. Then it gets them again, because whoever gets
   * a message twice takes it once.
   */
  readonly newest: readonly SentMessage[];
  /** Nothing before this time (epoch ms) is lost; null if nothing is lost. */
  readonly since: number | null;
}

/** Clocks of hosts differ by up to this, and a transaction is older than the messages that it sends. */
const MARGIN_MS = 60_000;
/** The last transaction from the old primary is the end of what the standby has, unless it is older than the first lost message by more than this. */
const LONGEST_SILENCE_MS = 10 * 60_000;

/** One loss per database, also where nothing is lost. */
export async function findLosses(sources: LossSources): Promise<readonly Loss[]> {
  const reading = new Reading(sources);
  for (const topic of Object.values(TOPICS))
    for await (const batch of sources.readTopic(topic)) await reading.add(topic, batch);
  return reading.losses();
}

interface Untaken extends SentMessage {
  readonly place: string;
  readonly offset: number;
}

class Reading {
  readonly #sources: LossSources;
  readonly #lost = new Map<DatabaseName, Map<string, FoundMessage>>();
  readonly #untaken = new Map<DatabaseName, Map<string, Untaken>>();
  /** The newest offset that is in the inbox, by database and partition. */
  readonly #taken = new Map<string, number>();
  /** Ids of messages that a service gave up. */
  readonly #dead = new Map<DatabaseName, Set<string>>();

  constructor(sources: LossSources) {
    this.#sources = sources;
  }

  async add(topic: Topic, batch: TopicBatch): Promise<void> {
    if (topic === TOPICS.deadLetters) return this.#addDeadLetters(batch);
    const from = producerOf(topic);
    if (from === undefined) return;
    const messages = batch.values.flatMap((value, index) => {
      const decoded = decode(value);
      if (!decoded.ok) return [];
      const { message_id, type, saga_id } = decoded.message;
      const { partition, offset, timestampMs } = batch.raw(index);
      const at = Math.min(timeOfId(message_id), timestampMs);
      return [{ message_id, type, saga_id, from, at, offset, place: `${topic} ${partition}` }];
    });
    await this.#addLost(from, messages);
    for (const database of DATABASES) {
      const to = messages.filter(({ type }) => inboxOf(type) === database);
      if (to.length > 0) await this.#addTaken(database, to);
    }
  }

  async #addDeadLetters(batch: TopicBatch): Promise<void> {
    const found = new Map<DatabaseName, FoundMessage[]>();
    for (const [index, value] of batch.values.entries()) {
      if (!isDeadLetter(value)) continue;
      const database = consumerOf(value.service);
      if (database === undefined) continue;
      const { dead_letter_id: message_id, saga_id } = value;
      const at = Math.min(timeOfId(message_id), batch.raw(index).timestampMs);
      entryOf(found, database, () => []).push({ message_id, type: DEAD_LETTER_TYPE, saga_id, at });
      const original = messageIdOf(value);
      if (original !== null) entryOf(this.#dead, database, () => new Set()).add(original);
    }
    for (const [database, letters] of found) await this.#addLost(database, letters);
  }

  async #addLost(database: DatabaseName, messages: readonly FoundMessage[]): Promise<void> {
    const ids = messages.map(({ message_id }) => message_id);
    const kept = ids.length === 0 ? new Set() : await findInOutbox(this.#sources.databases[database], ids);
    const lost = entryOf(this.#lost, database, () => new Map());
    for (const { message_id, type, saga_id, at } of messages)
      if (!kept.has(message_id)) lost.set(message_id, { message_id, type, saga_id, at });
  }

  async #addTaken(database: DatabaseName, messages: readonly Untaken[]): Promise<void> {
    const ids = messages.map(({ message_id }) => message_id);
    const taken = await findInInbox(this.#sources.databases[database], ids);
    const untaken = entryOf(this.#untaken, database, () => new Map());
    for (const message of messages) {
      const { message_id, place, offset } = message;
      if (!taken.has(message_id)) untaken.set(message_id, message);
      else {
        const key = `${database} ${place}`;
        this.#taken.set(key, Math.max(this.#taken.get(key) ?? -1, offset));
      }
    }
  }

  async losses(): Promise<readonly Loss[]> {
    await this.#sources.settle();
    return Promise.all(DATABASES.map((database) => this.#lossOf(database)));
  }

  async #lossOf(database: DatabaseName): Promise<Loss> {
    const sql = this.#sources.databases[database];
    // Written in the meantime: a message may be in Kafka before its commit is seen by another connection.
    const unsent = [...(this.#lost.get(database)?.values() ?? [])];
    const kept = await inParts(unsent, (ids) => findInOutbox(sql, ids));
    const lost = unsent.filter(({ message_id }) => !kept.has(message_id));
    const open = [...(this.#untaken.get(database)?.values() ?? [])];
    const taken = await inParts(open, (ids) => findInInbox(sql, ids));
    const retried = new Set(await waitingForRetry(sql));
    const dead = this.#dead.get(database);
    const coming = await this.#waiting(open);
    const isHeld = (id: string) =>
      taken.has(id) || retried.has(id) || coming.has(id) || dead?.has(id) === true;
    // The last copy in Kafka counts: a message that was sent again is still to come.
    const left = open.filter(({ message_id }) => !isHeld(message_id));
    const isPassed = ({ place, offset }: Untaken) => offset < (this.#taken.get(`${database} ${place}`) ?? -1);
    const passed = left.filter(isPassed);
    const newest = left.filter((message) => !isPassed(message));
    const isBehind = lost.length + passed.length > 0;
    const since = isBehind ? sinceOf([...lost, ...passed, ...newest], await lastReplayedAt(sql)) : null;
    return { database, lost, untaken: passed.map(withoutPlace), newest: newest.map(withoutPlace), since };
  }

  /** Messages that wait in their outbox to be sent again. */
  async #waiting(messages: readonly Untaken[]): Promise<ReadonlySet<string>> {
    const found = new Set<string>();
    for (const [from, sent] of Map.groupBy(messages, (one) => one.from)) {
      const sql = this.#sources.databases[from];
      for (const id of await inParts(sent, (ids) => notPublished(sql, ids))) found.add(id);
    }
    return found;
  }
}

function withoutPlace({ message_id, type, saga_id, at, from }: Untaken): SentMessage {
  return { message_id, type, saga_id, at, from };
}

/** `replayedAt`: the last transaction that the standby got from its primary, if this server was one; it may be from long ago. */
function sinceOf(messages: readonly FoundMessage[], replayedAt: number | null): number {
  const first = messages.reduce((least, { at }) => Math.min(least, at), Infinity);
  const isItsEnd = replayedAt !== null && replayedAt > first - LONGEST_SILENCE_MS;
  return Math.min(first, isItsEnd ? replayedAt : first) - MARGIN_MS;
}

const PART = 5_000;

async function inParts(
  messages: readonly FoundMessage[],
  find: (ids: readonly string[]) => Promise<ReadonlySet<string>>,
): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for (let start = 0; start < messages.length; start += PART) {
    const ids = messages.slice(start, start + PART).map(({ message_id }) => message_id);
    for (const id of await find(ids)) found.add(id);
  }
  return found;
}

function entryOf<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const known = map.get(key) ?? make();
  map.set(key, known);
  return known;
}
