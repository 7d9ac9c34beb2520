// Messages that a service passed over: its inbox has later ones of the same partition and not these. Their offsets are committed, so Kafka
// delivers them no more. A database that has lost its last moments has such messages. Used by messages.ts.
import { type DatabaseName, DATABASES } from "../../schemas/migrations.ts";
import type { Topic } from "../../schemas/topics.ts";
import type { UntakenMessage } from "./facts.ts";
import type { AuditSources } from "./sources.ts";
import * as store from "./store.ts";
import { field, textField } from "./strange-records.ts";
import { isUuid } from "./uuid.ts";

export class Untaken {
  readonly #sources: AuditSources;
  /** Ids in the inbox of each database, read before the topics. */
  readonly #taken = new Map<DatabaseName, Set<string>>(DATABASES.map((name) => [name, new Set()]));
  /** Not in the inbox when that was read. */
  readonly #candidates = new Map<string, UntakenMessage>();
  /** Ids of messages that a service gave up, by the service. */
  readonly #dead = new Set<string>();

  constructor(sources: AuditSources) {
    this.#sources = sources;
  }

  /** Ids whose time is `since` (epoch ms) or later: older ones are not in Kafka any more. */
  async readInboxes(since: number): Promise<void> {
    await Promise.all(
      DATABASES.map((name) =>
        store.inSnapshot(this.#sources.databases[name], async (tx) => {
          for await (const rows of store.inboxIds(tx, since))
            for (const { message_id } of rows) this.#taken.get(name)?.add(message_id);
        }),
      ),
    );
  }

  add(message: UntakenMessage): void {
    const { database, message_id } = message;
    if (this.#taken.get(database)?.has(message_id) !== true) this.#candidates.set(message_id, message);
  }

  addDeadLetter(value: unknown): void {
    const service = textField(value, "service");
    const id = textField(field(value, "original_command"), "message_id") ?? idIn(field(value, "original"));
    if (service !== null && id !== null) this.#dead.add(`${service} ${id}`);
  }

  /** Call it when all topics are read. */
  async passedOver(): Promise<readonly UntakenMessage[]> {
    const left = new Map<string, UntakenMessage>();
    for (const [database, messages] of Map.groupBy(this.#candidates.values(), (one) => one.database)) {
      const service = database === "saga" ? "orchestrator" : database;
      const open = messages.filter(({ message_id }) => !this.#dead.has(`${service} ${message_id}`));
      const ids = open.map(({ message_id }) => message_id);
      // Taken in the meantime: an inbox is read before the topics.
      const settled = await store.takenOrRetried(this.#sources.databases[database], ids);
      for (const message of open) if (!settled.has(message.message_id)) left.set(message.message_id, message);
    }
    const topics = new Set([...left.values()].map(({ topic }) => topic));
    const found: UntakenMessage[] = [];
    // A second reading, which only a system with a backlog or a loss needs.
    for (const topic of topics) found.push(...(await this.#passedIn(topic, left)));
    return found;
  }

  async #passedIn(topic: Topic, left: ReadonlyMap<string, UntakenMessage>): Promise<UntakenMessage[]> {
    const keyOf = (database: DatabaseName, partition: number) => `${database} ${partition}`;
    /** The newest offset that a database has taken, by database and partition. */
    const newest = new Map<string, number>();
    const places = new Map<string, { readonly partition: number; readonly offset: number }>();
    for await (const batch of this.#sources.readTopic(topic)) {
      for (const [index, value] of batch.values.entries()) {
        const id = textField(value, "message_id");
        if (id === null || !isUuid(id)) continue;
        const { partition, offset } = batch.raw(index);
        // The last copy counts: one that was sent again is still to come.
        if (left.has(id)) places.set(id, { partition, offset });
        for (const [database, taken] of this.#taken) {
          const key = keyOf(database, partition);
          if (taken.has(id)) newest.set(key, Math.max(newest.get(key) ?? -1, offset));
        }
      }
    }
    return [...left.values()].filter(({ database, message_id }) => {
      const place = places.get(message_id);
      return place !== undefined && place.offset < (newest.get(keyOf(database, place.partition)) ?? -1);
    });
  }
}

/** The id in the bytes of a message that has no readable copy. */
function idIn(original: unknown): string | null {
  try {
    const text = Buffer.from(textField(original, "value_base64") ?? "", "base64").toString();
    return textField(JSON.parse(text), "message_id");
  } catch {
    return null;
  }
}
