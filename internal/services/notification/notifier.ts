// Tells shoppers by mail how their checkout ended: poll a batch, make the first attempt on each of its mails side by side, store those
// that have to wait, commit its offsets. Run by cmd/notification.
//
// This is the one consumer that is not the message processor: a mail is an effect that no transaction can hold back or take back. So mails go
// out at least once. Redis remembers which were sent, the database which wait, and every mail of one (saga, template)
// carries the same Message-ID, so that the rare second one (a crash right after sending, Redis lost) is known as a double by
// mail servers and clients. A mail that is sent at once, as nearly all are, never meets the database. What nobody takes ends in
// the dead-letter queue; the saga never hears of it.
import type { DeadLetter } from "../../../schemas/dead-letter.ts";
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
import { cause, deadLetter, deadLetterKey } from "../../messaging/dead-letter.ts";
import { type Delivery, classifyBatch, type Unreadable } from "../../messaging/delivery.ts";
import { pause } from "../../messaging/pause.ts";
import { pollUntilAborted } from "../../messaging/poll-loop.ts";
import type { Log } from "../../kernel/telemetry.ts";
import type { Courier, Outcome } from "./courier.ts";
import { mailKey, mailOf } from "./mails.ts";
import { NOTIFICATIONS, SENT_TTL_SECONDS, sentKey } from "./notifications.ts";
import type { NotificationMetrics } from "./telemetry.ts";
import type { Deferred, WaitingMails } from "./waiting-mails.ts";

const POLL_WAIT_MS = 500;
/** One mail alone goes at once; where several come together there are more behind them, and a batch of many costs less. */
const LINGER_MS = { few: 10, many: 100 } as const;
/** Mails taken within so long are remembered together. */
const REMEMBER_MS = 5;
/** A mail that has no answer by then is stored, so that the next batch need not wait for it. */
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
  /** First attempts without an answer yet, by mail: a batch that comes again must not send them again. */
  readonly #underWay = new Map<string, Promise<Outcome>>();
  /** How many messages came with it. */
  #lastBatch = 0;
  /** Mails that were sent and that Redis is about to be told of. */
  readonly #sent: string[] = [];
  #remembering: Promise<void> | undefined;

  constructor(options: NotifierOptions) {
    this.#options = options;
  }

  /** Runs until `signal` aborts and the mails in hand are done with. Rejects on what waiting cannot heal. */
  async run(signal: AbortSignal): Promise<void> {
    const { courier, log } = this.#options;
    // A server that refuses us is found out by asking, not by the first shopper's mail. /readyz says what it answers.
    await courier.ready().catch(() => undefined);
    const onWait = (error: AppError) => log.warn({ err: error }, "notifications have to wait");
    await pollUntilAborted(signal, () => this.runOnce(signal), onWait);
  }

  /** One poll and its mails. A stop in the middle leaves the offsets, and with them the mails not yet sent, to the next run. */
  async runOnce(signal: AbortSignal): Promise<void> {
    const { consumer, courier } = this.#options;
    await courier.untilRoom(signal);
    if (signal.aborted || courier.room === 0) return;
    const batch = await consumer.poll({
      maxMessages: courier.room,
      waitMs: POLL_WAIT_MS,
      lingerMs: this.#lastBatch > 1 ? LINGER_MS.many : LINGER_MS.few,
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

  /** One delivery per mail, without those that Redis remembers and those that wait. */
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

  #send(key: string, { message }: Send, signal: AbortSignal): Promise<Outcome> {
    const { courier, metrics } = this.#options;
    const { template } = message;
    const result = courier
      .send(mailOf(message))
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

  /** Together with those of the next few ms, but at once where a stop would leave no time for it. */
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
    const { saga_id, template } = delivery.message;
    const now = clock.now();
    log.error({ saga_id, template, reply }, "a mail is given up");
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
      "a mail's command cannot be read, it is given up",
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

/** Throws KAFKA_UNAVAILABLE unless all records are in the log; whoever wanted them there tries again then. */
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
      "KAFKA_UNAVAILABLE",
      `${failures.length} dead letters were not taken: ${first.message}`,
    );
}

/** The outcome where there is one already. */
function answerOf(result: Promise<Outcome>): Promise<Outcome | { readonly kind: "pending" }> {
  return Promise.race([result, Promise.resolve({ kind: "pending" } as const)]);
}
