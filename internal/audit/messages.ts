// Compares outboxes with topics by message id. Both keep growing while they are read, so the outboxes come first: what they mark as
// published must already be in Kafka. What only Kafka has is looked up in the outboxes again. What is too old to be in either is
// counted, not judged.
import { inboxOf } from "../../schemas/consumers.ts";
import { DATABASES } from "../../schemas/migrations.ts";
import { MESSAGES, type MessageType } from "../../schemas/registry.ts";
import { DEAD_LETTER_RETENTION_MS, TOPIC_RETENTION_MS, TOPICS, type Topic } from "../../schemas/topics.ts";
import { plural } from "../kernel/counted.ts";
import type { Backlog, LostRow, StrayRecord } from "./facts.ts";
import type { AuditSources, RawRecord } from "./sources.ts";
import * as store from "./store.ts";
import { StrangeRecords, textField } from "./strange-records.ts";
import { Untaken } from "./untaken.ts";
import { isUuid, timeOfUuid } from "./uuid.ts";

/** Where a message is: only in an outbox, marked as published there, or also seen in Kafka. */
type MessageState = "written" | "published" | "seen";

/** Kafka drops whole segments, and none before its last message is past retention. This covers clocks that differ. */
const RETENTION_MARGIN_MS = 60 * 60 * 1_000;
const DAY_MS = 24 * 60 * 60 * 1_000;

export class MessageReading {
  readonly #sources: AuditSources;
  readonly #auditedAt: number;
  readonly #states = new Map<string, MessageState>();
  readonly #strangers = new StrangeRecords();
  readonly #untaken: Untaken;
  #records = 0;
  #rowsTooOld = 0;
  #recordsTooOld = 0;
  /** The time of the last failure (epoch ms) by dead letter id: a record that was sent twice is one dead letter. */
  readonly #deadLetters = new Map<string, number>();
  /** Dead letters without an id or a time; no operator can have handled them. */
  #strangeDeadLetters = 0;

  constructor(sources: AuditSources, auditedAt: number) {
    this.#sources = sources;
    this.#auditedAt = auditedAt;
    this.#untaken = new Untaken(sources);
  }

  addRow({ event_id, topic, published_at }: store.OutboxRow): void {
    if (published_at === null) {
      this.#states.set(event_id, "written");
      return;
    }
    const retentionMs = topic === TOPICS.deadLetters ? DEAD_LETTER_RETENTION_MS : TOPIC_RETENTION_MS;
    const isKept = this.#auditedAt - published_at < retentionMs - RETENTION_MARGIN_MS;
    this.#states.set(event_id, isKept ? "published" : "written");
    if (!isKept) this.#rowsTooOld += 1;
  }

  /** Call it after the last `addRow`. */
  async readTopics(): Promise<void> {
    await this.#untaken.readInboxes(this.#auditedAt - TOPIC_RETENTION_MS - DAY_MS);
    for (const topic of Object.values(TOPICS)) {
      // One topic at a time, so that memory holds only one.
      for await (const batch of this.#sources.readTopic(topic)) {
        const { values, undecodable } = batch;
        for (const [index, value] of values.entries()) this.#addRecord(topic, value, () => batch.raw(index));
        for (const record of undecodable) this.#strangers.add(topic, record, null, null);
        this.#records += values.length + undecodable.length;
      }
    }
  }

  /** Dead letters that no operator has handled. Call it after `readTopics`. */
  async openDeadLetters(): Promise<Backlog> {
    const { saga } = this.#sources.databases;
    const handled = await store.handledDeadLetters(saga, [...this.#deadLetters.keys()].filter(isUuid));
    const times = [...this.#deadLetters].flatMap(([id, at]) => (handled.has(id) ? [] : [at]));
    return {
      count: times.length + this.#strangeDeadLetters,
      oldest_at: times.length === 0 ? null : times.reduce((one, other) => Math.min(one, other)),
    };
  }

  get notChecked(): readonly string[] {
    const sentences = [];
    if (this.#rowsTooOld > 0) {
      sentences.push(
        `${plural(this.#rowsTooOld, "published outbox row is", "published outbox rows are")} older than Kafka's retention`,
      );
    }
    if (this.#recordsTooOld > 0) {
      sentences.push(
        `${plural(this.#recordsTooOld, "message in Kafka is", "messages in Kafka are")} older than the outboxes' retention`,
      );
    }
    return sentences;
  }

  /** Call it after `readTopics`. */
  async differences() {
    const missing = [...this.#states].flatMap(([id, state]) => (state === "published" ? [id] : []));
    return {
      outboxRows: this.#states.size,
      records: this.#records,
      lost: await this.#lost(missing),
      strays: await this.#strays(),
      untaken: await this.#untaken.passedOver(),
    };
  }

  #addRecord(topic: Topic, value: unknown, raw: () => RawRecord): void {
    if (topic === TOPICS.deadLetters) {
      this.#addDeadLetter(value);
      // Notification has no outbox: it writes its dead letters to the topic itself.
      if (textField(value, "service") === "notification") return;
    }
    const id = textField(value, topic === TOPICS.deadLetters ? "dead_letter_id" : "message_id");
    if (topic !== TOPICS.deadLetters) this.#addToTake(topic, value, id);
    const state = id === null ? undefined : this.#states.get(id);
    if (id === null || state === undefined) {
      this.#strangers.add(topic, raw(), id, textField(value, "saga_id"));
    } else if (state !== "seen") {
      this.#states.set(id, "seen");
    }
  }

  #addToTake(topic: Topic, value: unknown, message_id: string | null): void {
    const type = textField(value, "type");
    if (message_id === null || !isUuid(message_id) || type === null || !isMessageType(type)) return;
    const database = inboxOf(type);
    const saga_id = textField(value, "saga_id");
    if (database !== null) this.#untaken.add({ database, topic, message_id, type, saga_id });
  }

  #addDeadLetter(value: unknown): void {
    this.#untaken.addDeadLetter(value);
    const id = textField(value, "dead_letter_id");
    const at = Date.parse(textField(value, "last_failure_at") ?? "");
    if (id === null || Number.isNaN(at)) this.#strangeDeadLetters += 1;
    else this.#deadLetters.set(id, at);
    if (id !== null) this.#strangers.addDeadLetter(id, value);
  }

  /** A message that an operator discarded is not published again if Kafka loses it, so it need not be there. */
  async #lost(missing: readonly string[]): Promise<readonly LostRow[]> {
    const discarded = await store.discardedMessages(this.#sources.databases.saga, missing);
    const eventIds = missing.filter((id) => !discarded.has(id));
    const found = await Promise.all(
      DATABASES.map(async (database) => {
        const rows = await store.outboxRows(this.#sources.databases[database], eventIds);
        return rows.map(({ event_id, topic, type, partition_key }) => ({
          database,
          event_id,
          topic,
          type,
          saga_id: partition_key,
        }));
      }),
    );
    return found.flat();
  }

  /** Strangers that no outbox has even now, although an outbox should still have a message of their age. */
  async #strays(): Promise<readonly StrayRecord[]> {
    const strangers = this.#strangers.records;
    const ids = strangers.flatMap(({ id }) => (id === null ? [] : [id]));
    const databases = Object.values(this.#sources.databases);
    const found = await Promise.all(databases.map((sql) => store.outboxRows(sql, ids)));
    const known = new Set(found.flat().map(({ event_id }) => event_id));
    const unknown = strangers.filter(({ id }) => id === null || !known.has(id));
    if (unknown.length === 0) return [];

    const days = await Promise.all(databases.map((sql) => store.outboxDays(sql)));
    const keptSince = Math.max(...days.map(firstDayWithoutGap));
    const strays = unknown.filter(({ id }) => id === null || timeOfUuid(id) >= keptSince);
    this.#recordsTooOld = unknown.length - strays.length;
    return this.#strangers.withDeadLetters(strays, this.#sources.databases.saga);
  }
}

function isMessageType(type: string): type is MessageType {
  return Object.hasOwn(MESSAGES, type);
}

/** The first day after which no day is missing. `days` come latest first; -Infinity if there are none. */
function firstDayWithoutGap(days: readonly number[]): number {
  const gap = days.findIndex((day, index) => {
    const earlier = days[index + 1];
    return earlier !== undefined && day - earlier > DAY_MS;
  });
  return (gap === -1 ? days.at(-1) : days[gap]) ?? -Infinity;
}
