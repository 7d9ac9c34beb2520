// Finds the outcome of replayed mails, for whoever executes runs (operations/run-executor.ts). The notification service has no inbox
// table, so this reads Kafka: how far the service has consumed, and which mails it has dead-lettered again.
import type { DeadLetter } from "../../../schemas/dead-letter.ts";
import { TOPICS } from "../../../schemas/topics.ts";
import type { KafkaOptions } from "./connection.ts";
import { GroupProgress, type Offsets } from "./group-progress.ts";
import { readTopic } from "./read-topic.ts";

export interface MailWatchOptions extends KafkaOptions {
  /** For tests, which use their own topics and group. */
  readonly groupId?: string;
  readonly mails?: string;
  readonly deadLetters?: string;
}

/** `MailWatch` of operations/replay-send.ts. */
export class KafkaMailWatch {
  readonly #options: Required<Pick<MailWatchOptions, "groupId" | "mails" | "deadLetters">> & KafkaOptions;
  #deadLettersFrom: Offsets = new Map();
  /** End offsets of the mail topic when a mail of this batch was first asked about. The mail lies before them. */
  readonly #placed = new Map<string, Offsets>();

  constructor(options: MailWatchOptions) {
    const { notifications: mails, deadLetters } = TOPICS;
    this.#options = { groupId: SERVICE, mails, deadLetters, ...options };
  }

  /** A mail that is sent again lies behind the place of its last time. */
  async begin(): Promise<void> {
    this.#placed.clear();
    const { groupId, deadLetters } = this.#options;
    await using progress = await GroupProgress.open(this.#options, groupId, deadLetters);
    this.#deadLettersFrom = await progress.ends();
  }

  async fates(messageIds: readonly string[]): Promise<ReadonlyMap<string, "read" | "dead-lettered">> {
    const fates = new Map<string, "read" | "dead-lettered">();
    if (messageIds.length === 0) return fates;
    const { groupId, mails } = this.#options;
    await using progress = await GroupProgress.open(this.#options, groupId, mails);
    const ends = await progress.ends();
    for (const id of messageIds) if (!this.#placed.has(id)) this.#placed.set(id, ends);
    for (const [offsets, ids] of Map.groupBy(messageIds, (id) => this.#placed.get(id) ?? ends))
      if (await progress.hasPassed(offsets)) for (const id of ids) fates.set(id, "read");
    // Checked last: the service publishes the dead letter before it commits the offset.
    for (const id of await this.#givenUp()) if (messageIds.includes(id)) fates.set(id, "dead-lettered");
    return fates;
  }

  async #givenUp(): Promise<readonly string[]> {
    const { deadLetters: topic, brokers, clientId } = this.#options;
    const from = (partition: number) => this.#deadLettersFrom.get(partition) ?? 0;
    const ids: string[] = [];
    for await (const { values } of readTopic({ brokers, clientId, topic, from }))
      ids.push(...values.flatMap(messageIdIn));
    return ids;
  }
}

/** The notification service's consumer group. */
const SERVICE = "notification";

function messageIdIn(record: unknown): readonly string[] {
  const { original_command: original } = (record ?? {}) as Partial<DeadLetter>;
  const id: unknown =
    typeof original === "object" && original !== null ? Reflect.get(original, "message_id") : null;
  return typeof id === "string" ? [id] : [];
}
