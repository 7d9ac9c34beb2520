// Finds the outcome of replayed mails, for whoever executes runs (operations/run-executor.ts). The notification service has no inbox
// table, so this reads Kafka: how far the service has consumed, and which mails it has dead-lettered again.
import type { DeadLetter } from "../../../schemas/dead-letter.ts";
import { TOPICS } from "../../../schemas/topics.ts";
import { isDeadLetter, messageIdOf } from "../../messaging/read-dead-letter.ts";
import type { KafkaOptions } from "./connection.ts";
import { GroupProgress, type Offsets } from "./group-progress.ts";
import { readTopic } from "./read-topic.ts";

export interface MailWatchOptions extends KafkaOptions {
  /** For tests, which use their own topics and group. */
  readonly groupId?: string;
  readonly mails?: string;
  readonly deadLetters?: string;
}

/** As in operations/replay-send.ts. */
interface PutBackMail {
  readonly message_id: string;
  readonly dead_letter_id: string;
  readonly since: number;
}

/** The clocks of the mail service, which stamps a failed mail, and of the outbox may differ by this. */
const CLOCK_SLACK_MS = 60_000;

/** `MailWatch` of operations/replay-send.ts. */
export class KafkaMailWatch {
  readonly #options: Required<Pick<MailWatchOptions, "groupId" | "mails" | "deadLetters">> & KafkaOptions;
  #deadLettersFrom: Offsets = new Map();
  /** Mails that were put back before this watch began, and that were dead-lettered since. */
  #givenUpBefore: readonly string[] = [];
  /** End offsets of the mail topic when a mail of this batch was first asked about. The mail lies before them. */
  readonly #placed = new Map<string, Offsets>();

  constructor(options: MailWatchOptions) {
    const { notifications: mails, deadLetters } = TOPICS;
    this.#options = { groupId: SERVICE, mails, deadLetters, ...options };
  }

  /** A mail that is sent again lies behind the place of its last time. Reads the topic of the dead letters if mails were put back before. */
  async begin(putBack: readonly PutBackMail[]): Promise<void> {
    this.#placed.clear();
    const { groupId, deadLetters } = this.#options;
    await using progress = await GroupProgress.open(this.#options, groupId, deadLetters);
    this.#deadLettersFrom = await progress.ends();
    this.#givenUpBefore = putBack.length === 0 ? [] : await this.#givenUpSince(putBack);
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
    const ids = [...this.#givenUpBefore];
    const from = (partition: number) => this.#deadLettersFrom.get(partition) ?? 0;
    for await (const record of this.#deadLetters(from)) ids.push(messageIdOf(record) ?? "");
    return ids;
  }

  async #givenUpSince(putBack: readonly PutBackMail[]): Promise<readonly string[]> {
    const byId = new Map(putBack.map((mail) => [mail.message_id, mail]));
    const ids: string[] = [];
    for await (const record of this.#deadLetters(() => 0)) {
      const mail = byId.get(messageIdOf(record) ?? "");
      if (mail === undefined || record.dead_letter_id <= mail.dead_letter_id) continue;
      if (Date.parse(record.last_failure_at) >= mail.since - CLOCK_SLACK_MS) ids.push(mail.message_id);
    }
    return ids;
  }

  async *#deadLetters(from: (partition: number) => number): AsyncGenerator<DeadLetter> {
    const { deadLetters: topic, ...kafka } = this.#options;
    for await (const { values } of readTopic({ ...kafka, topic, from })) yield* values.filter(isDeadLetter);
  }
}

/** The notification service's consumer group. */
const SERVICE = "notification";
