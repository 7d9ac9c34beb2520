// Puts a batch of messages back into their outboxes and waits for their outcomes. Called by run-replay.ts.
import type { Sql } from "postgres";
import type { DeadLetter } from "../../schemas/dead-letter.ts";
import { DATABASES, type DatabaseName } from "../../schemas/migrations.ts";
import type { Message } from "../../schemas/registry.ts";
import { cappedBackoff } from "../kernel/backoff.ts";
import { pause } from "../messaging/pause.ts";
import type { Databases } from "./replay-facts.ts";
import { consumerOf, producerOf } from "./replay-plan.ts";
import { clockOf } from "./clock-store.ts";
import { publishedOf, putBack, type SentMessage, type Sign, signsOf } from "./replay-store.ts";

const FIRST_LOOK_MS = 50;
const LAST_LOOK_MS = 1_000;

export interface Sendable {
  /** Its line in the audit trail. */
  readonly action_id: string;
  readonly record: DeadLetter;
  readonly sent: SentMessage;
  /** The message if retention deleted it from the outbox, otherwise null. */
  readonly lost: Message | null;
}

/**
 * The outcome at the consumer. `handled`: its effect is committed. `refused`: a tombstone came first, so nothing was done.
 * `retry pending`: it failed again and the consumer will retry it. `dead-lettered`: it failed again, for good. `published`: its
 * service has read the mail and not dead-lettered it; that service has no inbox, so nothing more is visible.
 */
export type Outcome = Sign | "published";

/** `read`: its service has processed it and not dead-lettered it. */
export type MailFate = "read" | "dead-lettered";

/** A mail that an executor that died had put back into its outbox already. */
export interface PutBackMail {
  readonly message_id: string;
  /** The dead letter that is replayed. One of the mail's next attempt has a later id. */
  readonly dead_letter_id: string;
  /** It was put back at this time or later, epoch ms. */
  readonly since: number;
}

export interface MailWatch {
  /**
   * Call it before mails are sent again: only dead letters from now on count, except for those that were put back before, whose service
   * may have dead-lettered them again already.
   */
  begin(putBack: readonly PutBackMail[]): Promise<void>;
  /** The fate of published mails, by message id. Mails with an unknown fate are missing. */
  fates(messageIds: readonly string[]): Promise<ReadonlyMap<string, MailFate>>;
}

/** The clocks of the databases, epoch ms. Read before sending: otherwise a quick reply looks like an old one. */
export type Clocks = Readonly<Record<DatabaseName, number>>;

export async function clocksOf(databases: Databases): Promise<Clocks> {
  const [saga, inventory, payment, order] = await Promise.all([
    clockOf(databases.saga),
    clockOf(databases.inventory),
    clockOf(databases.payment),
    clockOf(databases.order),
  ]);
  return { saga, inventory, payment, order };
}

/**
 * Puts the messages back. Safe to repeat: a message that was put back since it was read, or is unpublished, stays as it is, and an
 * inbox takes a message only once.
 */
export async function sendBatch(databases: Databases, batch: readonly Sendable[]): Promise<void> {
  await Promise.all(
    DATABASES.map((name) =>
      send(
        databases[name],
        batch.filter(({ record }) => producerOf(record.original.topic) === name),
      ),
    ),
  );
}

/** Returns the outcomes seen within `waitMs`, or until the signal, by action; others are missing. `since`: the clocks before the messages were sent. */
export async function watchBatch(
  databases: Databases,
  mails: MailWatch,
  batch: readonly Sendable[],
  {
    since,
    waitMs,
    signal,
  }: { readonly since: Clocks; readonly waitMs: number; readonly signal: AbortSignal },
): Promise<ReadonlyMap<string, Outcome>> {
  const seen = new Map<string, Outcome>();
  if (batch.length === 0) return seen;
  const deadline = performance.now() + waitMs;
  for (let looks = 0; ; looks += 1) {
    const waiting = batch.filter(({ action_id }) => !seen.has(action_id));
    await Promise.all(
      DATABASES.map((name) => look(databases[name], mails, name, since[name], waiting, seen)),
    );
    if (seen.size === batch.length || signal.aborted || performance.now() > deadline) return seen;
    await pause(cappedBackoff(looks, FIRST_LOOK_MS, LAST_LOOK_MS), signal);
  }
}

async function send(sql: Sql, own: readonly Sendable[]): Promise<void> {
  if (own.length === 0) return;
  const kept = own.flatMap(({ sent: { message_id, written_at } }) =>
    written_at === undefined ? [] : [{ message_id, written_at }],
  );
  const rows = own.flatMap(({ record, lost }) =>
    lost === null
      ? []
      : [
          {
            event_id: lost.message_id,
            topic: record.original.topic,
            partition_key: lost.saga_id,
            type: lost.type,
            payload: lost,
          },
        ],
  );
  await putBack(sql, { kept, lost: rows });
}

/** Adds to `seen` the outcomes that this database shows, as consumer of a message or as producer of a mail. */
async function look(
  sql: Sql,
  mails: MailWatch,
  name: DatabaseName,
  since: number,
  waiting: readonly Sendable[],
  seen: Map<string, Outcome>,
): Promise<void> {
  const consumed = waiting.filter(({ record }) => consumerOf(record.service) === name);
  const produced = waiting.filter((one) => isMail(one) && producerOf(one.record.original.topic) === name);
  const outcomes = new Map<string, Outcome>();
  if (consumed.length > 0)
    for (const { message_id, sign } of await signsOf(sql, idsOf(consumed), since))
      outcomes.set(message_id, sign);
  if (produced.length > 0)
    for (const [id, fate] of await mails.fates(await publishedOf(sql, idsOf(produced))))
      outcomes.set(id, fate === "read" ? "published" : fate);
  for (const { action_id, sent } of [...consumed, ...produced]) {
    const outcome = outcomes.get(sent.message_id);
    if (outcome !== undefined) seen.set(action_id, outcome);
  }
}

/** Notification is the only consumer without an inbox. */
export function isMail({ record }: Sendable): boolean {
  return consumerOf(record.service) === undefined;
}

function idsOf(batch: readonly Sendable[]): string[] {
  return batch.map(({ sent }) => sent.message_id);
}
