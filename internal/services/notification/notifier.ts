// Tells shoppers by mail how their checkout ended: poll a batch, send its mails side by side, commit its offsets when each was
// sent or given up. Run by cmd/notification.
//
// This is the one consumer that is not the recipe, because it has no database: a mail is an effect that no transaction can hold
// back or take back. So mails go out at least once. Redis remembers which were sent, and every mail of one (saga, template)
// carries the same Message-ID, so that the rare second one (a crash right after sending, Redis lost) is known as a double by
// mail servers and clients. What cannot be sent waits for an operator in the dead-letter queue; the saga never hears of it.
import { TOPICS } from "../../../schemas/topics.ts";
import { COMMAND_RETRY_DELAYS_MS, withJitter } from "../../kernel/backoff.ts";
import { AppError } from "../../kernel/errors.ts";
import {
  type BatchProducer,
  type Clock,
  type ConsumedBatch,
  type Consumer,
  FIELD_SEPARATOR,
  type KeyValue,
  RECORD_SEPARATOR,
} from "../../kernel/ports.ts";
import type { DeadLetter } from "../../../schemas/dead-letter.ts";
import { cause, causeOf, deadLetter, deadLetterKey } from "../../messaging/dead-letter.ts";
import { type Delivery, sortBatch, type Unreadable } from "../../messaging/delivery.ts";
import { pause } from "../../messaging/pause.ts";
import { pollUntilAborted } from "../../messaging/poll-loop.ts";
import type { Log } from "../../messaging/telemetry.ts";
import { type Mail, mailKey, mailOf } from "./mails.ts";
import type { NotificationMetrics } from "./telemetry.ts";

const SERVICE = "notification";
export const NOTIFICATIONS = {
  service: SERVICE,
  topics: [TOPICS.notifications],
  types: ["SendNotification"],
  ownsUnknown: true,
} as const;

/** All of a batch are tried side by side, so a batch takes no longer than its slowest mail: 31 s of pauses and 4 timeouts. */
const MAX_BATCH_MESSAGES = 50;
const POLL_WAIT_MS = 500;
const GATHER_MS = 10;
/** The type header of a dead letter, as the outbox writes it. */
const DEAD_LETTER_TYPE = "DeadLetter";
const SENT_TTL_SECONDS = 24 * 60 * 60;

/** Resolves when the mail server has taken the mail. Throws MailRefused where asking again cannot help. */
export type SendMail = (mail: Mail) => Promise<void>;

export class MailRefused extends Error {}

export interface NotifierOptions {
  readonly consumer: Consumer;
  readonly producer: BatchProducer;
  readonly keyValue: KeyValue;
  readonly send: SendMail;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly metrics: NotificationMetrics;
  readonly log: Log;
  /** Pauses between the attempts on one mail. */
  readonly retryDelaysMs?: readonly number[];
}

type Send = Delivery<"SendNotification">;

export class Notifier {
  readonly #options: NotifierOptions;

  constructor(options: NotifierOptions) {
    this.#options = options;
  }

  /** Runs until `signal` aborts and the mails in hand are done with. Rejects on what waiting cannot heal. */
  run(signal: AbortSignal): Promise<void> {
    const onWait = (error: AppError) => this.#options.log.warn({ err: error }, "notifications have to wait");
    return pollUntilAborted(signal, () => this.runOnce(signal), onWait);
  }

  /** One poll and its mails. A stop in the middle leaves the offsets, and with them the mails not yet sent, to the next run. */
  async runOnce(signal: AbortSignal): Promise<void> {
    const { consumer } = this.#options;
    const batch = await consumer.poll({
      maxMessages: MAX_BATCH_MESSAGES,
      waitMs: POLL_WAIT_MS,
      gatherMs: GATHER_MS,
    });
    if (batch === null) return;
    try {
      await this.#process(batch, signal);
    } finally {
      batch.release();
    }
  }

  async #process(batch: ConsumedBatch, signal: AbortSignal): Promise<void> {
    const { deliveries, unreadable } = sortBatch(batch, NOTIFICATIONS);
    const fresh = await this.#withoutSent(deliveries);
    const givenUp = await Promise.all(fresh.map((delivery) => this.#deliver(delivery, signal)));
    if (signal.aborted) return;
    await this.#bury([
      ...unreadable.map((what) => this.#recordOf(what)),
      ...givenUp.filter((record) => record !== null),
    ]);
    await batch.commit();
  }

  /** One delivery per mail, without those that Redis remembers. */
  async #withoutSent(deliveries: readonly Send[]): Promise<readonly Send[]> {
    const { keyValue, metrics } = this.#options;
    const byKey = new Map(deliveries.map((delivery) => [mailKey(delivery.message), delivery]));
    const keys = [...byKey.keys()];
    const sent = await keyValue.present(keys.map(sentKey));
    const fresh = [...byKey.values()].filter((_, index) => sent[index] !== true);
    metrics.duplicates.inc({}, deliveries.length - fresh.length);
    return fresh;
  }

  /** Tries until the mail is sent or given up, and returns the record of a mail given up. */
  async #deliver(delivery: Send, signal: AbortSignal): Promise<DeadLetter | null> {
    const {
      send,
      keyValue,
      clock,
      random,
      metrics,
      log,
      retryDelaysMs = COMMAND_RETRY_DELAYS_MS,
    } = this.#options;
    const { message } = delivery;
    const { saga_id, template } = message;
    let firstFailedAt: number | undefined;
    for (let retries = 0; ; retries += 1) {
      try {
        await send(mailOf(message));
        metrics.sent.inc({ template });
        await keyValue.remember([sentKey(mailKey(message))], SENT_TTL_SECONDS);
        return null;
      } catch (error) {
        const now = clock.now();
        firstFailedAt ??= now;
        metrics.failures.inc({ template });
        const delayMs = error instanceof MailRefused ? undefined : retryDelaysMs[retries];
        if (delayMs !== undefined) {
          await pause(withJitter(delayMs, random()), signal);
          if (signal.aborted) return null;
          continue;
        }
        log.error({ err: error, saga_id, template }, "a mail is given up");
        metrics.deadLettered.inc({ template });
        return deadLetter(SERVICE, {
          raw: delivery.raw(),
          value: delivery.value,
          sagaId: saga_id,
          cause: cause(
            error instanceof MailRefused ? "MAIL_REFUSED" : "MAIL_UNDELIVERED",
            causeOf(error).message,
          ),
          retryCount: retries,
          firstFailedAt,
          lastFailedAt: now,
        });
      }
    }
  }

  #recordOf({ raw, value, refusal }: Unreadable): DeadLetter {
    const now = this.#options.clock.now();
    return deadLetter(SERVICE, {
      raw,
      value,
      sagaId: refusal.saga_id,
      cause: cause(refusal.code, refusal.reason),
      retryCount: 0,
      firstFailedAt: now,
      lastFailedAt: now,
    });
  }

  /** Throws KAFKA_UNAVAILABLE unless all records are in the log; the batch is read again then, and its sent mails are known. */
  async #bury(records: readonly DeadLetter[]): Promise<void> {
    if (records.length === 0) return;
    const lines = records.map((record) =>
      [TOPICS.deadLetters, deadLetterKey(record), DEAD_LETTER_TYPE, JSON.stringify(record)].join(
        FIELD_SEPARATOR,
      ),
    );
    const failures = await this.#options.producer.produce(lines.join(RECORD_SEPARATOR));
    const [first] = failures;
    if (first !== undefined)
      throw new AppError(
        "KAFKA_UNAVAILABLE",
        `${failures.length} dead letters were not taken: ${first.message}`,
      );
  }
}

function sentKey(key: string): string {
  return `idem:${SERVICE}:${key}`;
}
