// Mails shoppers how their checkout ended: polls a batch, makes the first attempt of all its mails in parallel, stores those that have
// to wait, commits the offsets. Run by cmd/notification.
//
// Only this consumer does not use the message processor, because no transaction can hold a mail back or undo it. So mails are sent at
// least once. Redis knows which were sent, the database which wait. All mails of one (saga, template) have the same Message-ID, so mail
// servers and clients recognise the rare duplicate (a crash right after sending, or Redis data lost). A mail that is sent at once, as
// nearly all are, never touches the database. A mail that no server accepts is dead-lettered; the saga never learns of it.
import type { DeadLetter } from "../../../schemas/dead-letter.ts";
import type { MailShop } from "./mail-shop.ts";
import { TOPICS } from "../../../schemas/topics.ts";
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
import { ACCESS_DENIED } from "../../messaging/access-denied.ts";
import { cause, deadLetter, deadLetterKey } from "../../messaging/dead-letter.ts";
import { type Delivery, classifyBatch, type Unreadable } from "../../messaging/delivery.ts";
import { pause } from "../../messaging/pause.ts";
import { pollUntilAborted } from "../../messaging/poll-loop.ts";
import { type Log, traceFields, type Tracer } from "../../kernel/telemetry.ts";
import type { Courier, Outcome } from "./courier.ts";
import { sendTraced } from "./mail-spans.ts";
import { mailKey } from "./mails.ts";
import type { ProductNames } from "./product-names.ts";
import { NOTIFICATIONS, SENT_TTL_SECONDS, sentKey } from "./notifications.ts";
import type { NotificationMetrics } from "./telemetry.ts";
import type { Deferred, WaitingMails } from "./waiting-mails.ts";

/** How long an idle poll waits. A message and a stop end it at once. */
const POLL_WAIT_MS = 2_000;
/** A single mail goes at once. After several mails more usually follow, and one large batch costs less. */
const LINGER_MS = { few: 10, many: 100 } as const;
/** Mails sent within this time are recorded in Redis together. */
const REMEMBER_MS = 5;
/** A mail without a reply after this time is stored, so that the next batch need not wait for it. */
const PATIENCE_MS = 2_000;
/** The type header of a dead letter, as the outbox writes it. */
const DEAD_LETTER_TYPE = "DeadLetter";

export interface NotifierOptions {
  readonly consumer: Consumer;
  readonly producer: BatchProducer;
  readonly keyValue: KeyValue;
  readonly courier: Courier;
  readonly waiting: Pick<WaitingMails, "among" | "add" | "follow">;
  readonly clock: Clock;
  readonly metrics: NotificationMetrics;
  readonly log: Log;
  readonly patienceMs?: number;
  readonly shop: MailShop;
  /** Nothing is traced without it. */
  readonly tracer?: Tracer;
  readonly names: ProductNames;
}

type Send = Delivery<"SendNotification">;

/** One mail of a batch and its first attempt. */
interface Attempt {
  readonly delivery: Send;
  readonly key: string;
  readonly result: Promise<Outcome>;
}

export class Notifier {
  readonly #options: NotifierOptions;
  /** First attempts in flight, by mail: a redelivered batch must not send them again. */
  readonly #underWay = new Map<string, Promise<Outcome>>();
  /** Number of messages in the last batch. */
  #lastBatch = 0;
  /** Sent mails that are not yet recorded in Redis. */
  readonly #sent: string[] = [];
  #remembering: Promise<void> | undefined;

  constructor(options: NotifierOptions) {
    this.#options = options;
  }

  /** Runs until `signal` aborts and the current batch is finished. Rejects on errors that waiting cannot heal. */
  async run(signal: AbortSignal): Promise<void> {
    const { courier, log } = this.#options;
    // A probe, not the first shopper's mail, finds a server that refuses us. /readyz shows the result.
    await courier.ready().catch(() => undefined);
    const onWait = (error: AppError) =>
      log.warn({ err: error }, "notifications wait for an unavailable dependency, retrying");
    await pollUntilAborted(signal, () => this.runOnce(signal), onWait);
  }

  /** Polls once and sends the mails. A stop in the middle leaves the offsets uncommitted, so the next run gets the unsent mails again. */
  async runOnce(signal: AbortSignal): Promise<void> {
    const { consumer, courier } = this.#options;
    await courier.untilRoom(signal);
    if (signal.aborted || courier.room === 0) return;
    const batch = await consumer.poll({
      maxMessages: courier.room,
      waitMs: POLL_WAIT_MS,
      lingerMs: this.#lastBatch > 1 ? LINGER_MS.many : LINGER_MS.few,
      signal,
    });
    this.#lastBatch = batch?.values.length ?? 0;
    if (batch === null) return;
    try {
      await this.#process(batch, signal);
    } finally {
      batch.release();
    }
  }

  async #process(batch: ConsumedBatch, signal: AbortSignal): Promise<void> {
    const { waiting, patienceMs = PATIENCE_MS } = this.#options;
    const { deliveries, unreadable } = classifyBatch(batch, NOTIFICATIONS);
    const attempts = (await this.#fresh(deliveries)).map((delivery) => this.#attempt(delivery, signal));
    await Promise.race([Promise.all(attempts.map(({ result }) => result)), pause(patienceMs, signal)]);
    const answered = await Promise.all(
      attempts.map(async (attempt) => ({ ...attempt, outcome: await answerOf(attempt.result) })),
    );
    if (signal.aborted && answered.some(({ outcome }) => outcome.kind !== "sent")) return;

    const dead: DeadLetter[] = unreadable.map((what) => this.#unreadableRecord(what));
    const deferred: { readonly mail: Deferred; readonly result: Promise<Outcome> }[] = [];
    for (const { delivery, key, outcome, result } of answered) {
      if (outcome.kind === "refused") dead.push(this.#refusedRecord(delivery, outcome.reply));
      else if (outcome.kind !== "sent") {
        const mail = { mailKey: key, sagaId: delivery.message.saga_id, raw: delivery.raw(), outcome };
        deferred.push({ mail, result });
      }
    }
    await Promise.all([waiting.add(deferred.map(({ mail }) => mail)), this.#sendToDeadLetters(dead)]);
    for (const { mail, result } of deferred)
      if (mail.outcome.kind === "pending") waiting.follow(mail, result);
    batch.done();
  }

  /** One delivery per mail, without mails that were sent (Redis) and mails that wait (database). */
  async #fresh(deliveries: readonly Send[]): Promise<readonly Send[]> {
    const { keyValue, waiting, metrics } = this.#options;
    const byKey = new Map(deliveries.map((delivery) => [mailKey(delivery.message), delivery]));
    const keys = [...byKey.keys()];
    const [sent, stored] = await Promise.all([keyValue.present(keys.map(sentKey)), waiting.among(keys)]);
    const fresh = [...byKey].filter(([key], index) => sent[index] !== true && !stored.has(key));
    metrics.duplicates.inc({}, deliveries.length - fresh.length);
    return fresh.map(([, delivery]) => delivery);
  }

  #attempt(delivery: Send, signal: AbortSignal): Attempt {
    const key = mailKey(delivery.message);
    const result = this.#underWay.get(key) ?? this.#send(key, delivery, signal);
    return { delivery, key, result };
  }

  #send(key: string, delivery: Send, signal: AbortSignal): Promise<Outcome> {
    const { metrics } = this.#options;
    const { template } = delivery.message;
    const result = sendTraced(delivery, 1, this.#options)
      .then(async (outcome) => {
        if (outcome.kind === "sent") {
          metrics.sent.inc({ template });
          await this.#remember(key, signal);
        } else if (outcome.kind !== "held") metrics.failures.inc({ template });
        return outcome;
      })
      .finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, result);
    return result;
  }

  /** Records the mail together with those of the next few ms, or at once during a stop. */
  #remember(key: string, signal: AbortSignal): Promise<void> {
    this.#sent.push(sentKey(key));
    this.#remembering ??= pause(REMEMBER_MS, signal).then(() => {
      this.#remembering = undefined;
      return this.#options.keyValue.remember(this.#sent.splice(0), SENT_TTL_SECONDS);
    });
    return this.#remembering;
  }

  #refusedRecord(delivery: Send, reply: string): DeadLetter {
    const { clock, metrics, log } = this.#options;
    const { saga_id, template, traceparent } = delivery.message;
    const now = clock.now();
    log.error(
      { saga_id, ...traceFields(traceparent), template, reply },
      "the mail server refuses a mail, dead-lettering it",
    );
    metrics.deadLettered.inc({ template });
    return deadLetter(NOTIFICATIONS.service, {
      raw: delivery.raw(),
      value: delivery.value,
      sagaId: saga_id,
      cause: cause("MAIL_REFUSED", `the mail server refuses this mail: ${reply}`),
      retryCount: 0,
      firstFailedAt: now,
      lastFailedAt: now,
    });
  }

  #unreadableRecord({ raw, value, invalid }: Unreadable): DeadLetter {
    const { clock, metrics, log } = this.#options;
    const now = clock.now();
    log.error(
      { saga_id: invalid.saga_id, code: invalid.code },
      "a mail command cannot be read, dead-lettering it",
    );
    metrics.deadLettered.inc({ template: "unreadable" });
    return deadLetter(NOTIFICATIONS.service, {
      raw,
      value,
      sagaId: invalid.saga_id,
      cause: cause(invalid.code, invalid.reason),
      retryCount: 0,
      firstFailedAt: now,
      lastFailedAt: now,
    });
  }

  #sendToDeadLetters(records: readonly DeadLetter[]): Promise<void> {
    return sendToDeadLetters(this.#options.producer, records);
  }
}

/** Throws KAFKA_UNAVAILABLE unless Kafka has all records; the caller then retries. */
export async function sendToDeadLetters(
  producer: BatchProducer,
  records: readonly DeadLetter[],
): Promise<void> {
  if (records.length === 0) return;
  const lines = records.map((record) =>
    [TOPICS.deadLetters, deadLetterKey(record), DEAD_LETTER_TYPE, JSON.stringify(record)].join(
      FIELD_SEPARATOR,
    ),
  );
  const failures = await producer.produce(lines.join(RECORD_SEPARATOR));
  const [first] = failures;
  if (first !== undefined)
    throw new AppError(
      first.code === ACCESS_DENIED ? "KAFKA_DENIED" : "KAFKA_UNAVAILABLE",
      `Kafka did not accept ${failures.length} dead letters for ${TOPICS.deadLetters}: ${first.message}`,
    );
}

/** The outcome, if there already is one. */
function answerOf(result: Promise<Outcome>): Promise<Outcome | { readonly kind: "pending" }> {
  return Promise.race([result, Promise.resolve({ kind: "pending" } as const)]);
}
