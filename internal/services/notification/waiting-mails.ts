// Stores mails that have to wait and retries them: claims them when due, sends them through the courier, pauses longer after each
// failure, and dead-letters them after two days. Called by notifier.ts, which makes every first attempt, and run as a background loop
// beside it, in any number of replicas.
import type { DeadLetter } from "../../../schemas/dead-letter.ts";
import type { MailShop } from "./mail-shop.ts";
import { cappedBackoff, withJitter } from "../../kernel/backoff.ts";
import { AppError, assert } from "../../kernel/errors.ts";
import type { Clock, KeyValue, RawMessage, RunResult } from "../../kernel/ports.ts";
import type { Database } from "../../messaging/database.ts";
import { cause, deadLetter } from "../../messaging/dead-letter.ts";
import { deliveryOf } from "../../messaging/delivery.ts";
import { cautiousNow } from "../../messaging/retention.ts";
import type { Log, Tracer } from "../../kernel/telemetry.ts";
import type { Courier, Outcome } from "./courier.ts";
import { sendTraced } from "./mail-spans.ts";
import type { ProductNames } from "./product-names.ts";
import { NOTIFICATIONS, sentKey, SENT_TTL_SECONDS } from "./notifications.ts";
import type { NotificationMetrics } from "./telemetry.ts";
import {
  addWaiting,
  claimWaiting,
  removeWaiting,
  saveState,
  type MailState,
  summariseWaiting,
  waitingAmong,
  type WaitingMail,
} from "./waiting-store.ts";

/** Greylisting accepts a mail after 1 to 5 minutes. The cap with its jitter stays below LONGEST_PAUSE_MS. */
const BACKOFF_FIRST_MS = 30_000;
const BACKOFF_CAP_MS = 4 * 60 * 1_000;
/** Longer than the courier may hold a mail plus the server's reply timeouts; below LONGEST_PAUSE_MS. */
const LEASE_MS = 4 * 60 * 1_000;
/** The gauge shows at most this; more digits help no operator. */
const MAX_COUNTED = 10_000;
/** Maximum attempts in flight; more are claimed as these end. */
const MAX_IN_HAND = 200;

export interface WaitingMailsOptions {
  readonly database: Database;
  readonly courier: Courier;
  readonly keyValue: KeyValue;
  readonly sendToDeadLetters: (records: readonly DeadLetter[]) => Promise<void>;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly metrics: NotificationMetrics;
  readonly log: Log;
  /** A mail is dead-lettered when an attempt fails this long after the first failed attempt. */
  readonly giveUpAfterMs: number;
  /** First and longest pause between attempts. */
  readonly backoffMs?: { readonly first: number; readonly cap: number };
  readonly shop: MailShop;
  /** Nothing is traced without it. */
  readonly tracer?: Tracer;
  readonly names: ProductNames;
}

/** A mail that has to wait, with the result of its first attempt. `pending`: that attempt is still in flight. */
export interface Deferred {
  readonly mailKey: string;
  readonly sagaId: string;
  readonly raw: RawMessage;
  readonly outcome: Exclude<Outcome, { kind: "sent" | "refused" }> | { readonly kind: "pending" };
}

export class WaitingMails {
  readonly #options: WaitingMailsOptions;
  /** Attempts in flight. */
  readonly #inHand = new Set<Promise<void>>();
  /** Whether the table may have rows. Every run checks it, so that batches do not query an empty table. */
  #mayBeSome = true;

  constructor(options: WaitingMailsOptions) {
    this.#options = options;
  }

  /** The keys among `mailKeys` whose mails already wait. Costs nothing while no mail waits. */
  async among(mailKeys: readonly string[]): Promise<ReadonlySet<string>> {
    if (!this.#mayBeSome || mailKeys.length === 0) return new Set();
    const { sql } = this.#options.database;
    return new Set(await this.#asked(waitingAmong(sql, mailKeys)));
  }

  /** Stores the mails in one statement. Afterwards their messages are no longer needed. */
  async add(mails: readonly Deferred[]): Promise<void> {
    if (mails.length === 0) return;
    const { database, clock } = this.#options;
    const now = clock.now();
    const rows = mails.map(({ mailKey, sagaId, raw, outcome }) => ({
      mailKey,
      sagaId,
      raw,
      ...(outcome.kind === "pending"
        ? { ...UNTRIED, nextAttemptAt: now + LEASE_MS, lastReply: "no answer yet" }
        : this.#after(UNTRIED, outcome)),
    }));
    this.#mayBeSome = true;
    await this.#asked(addWaiting(database.sql, rows, now));
  }

  /** Stores the result of an attempt whose mail was added as pending. */
  follow(mail: Deferred, attempt: Promise<Outcome>): void {
    this.#take(attempt.then((outcome) => this.#settleFirst(mail, outcome)));
  }

  /** Claims due mails and starts their attempts, which continue after it returns. Throws when the database is unavailable. */
  async runOnce(): Promise<RunResult> {
    const { courier, clock, database } = this.#options;
    await this.#look();
    const limit = Math.min(courier.room, MAX_IN_HAND - this.#inHand.size);
    if (limit <= 0 || !this.#mayBeSome) return { processed: 0, hasMore: false };
    const claimed = await claimWaiting(database.sql, clock.now(), LEASE_MS, limit);
    if (claimed.length === 0) return { processed: 0, hasMore: false };
    const sent = await this.#options.keyValue.present(claimed.map(({ mailKey }) => sentKey(mailKey)));
    for (const [index, mail] of claimed.entries()) this.#take(this.#attempt(mail, sent[index] === true));
    return { processed: claimed.length, hasMore: claimed.length >= limit };
  }

  /** Resolves when no attempt is in flight. For tests and for the shutdown, after the courier has stopped. */
  async idle(): Promise<void> {
    while (this.#inHand.size > 0) await Promise.all(this.#inHand);
  }

  /** If waiting can heal the error, throws DATABASE_UNAVAILABLE, which makes the consumer wait. */
  async #asked<T>(statement: Promise<T>): Promise<T> {
    try {
      return await statement;
    } catch (error) {
      if (this.#options.database.faultOf(error) === "other") throw error;
      throw new AppError("DATABASE_UNAVAILABLE", "the database of waiting mails is unavailable", {
        cause: error,
      });
    }
  }

  async #look(): Promise<void> {
    const { database, clock, metrics } = this.#options;
    const { count, oldestAt } = await summariseWaiting(database.sql, MAX_COUNTED);
    this.#mayBeSome = count > 0;
    metrics.waiting.set({}, count);
    metrics.oldestSeconds.set({}, oldestAt === null ? 0 : Math.max(0, clock.now() - oldestAt) / 1_000);
  }

  /** A failure is harmless: the mail is retried when its lease expires, and not if Redis knows that it was sent. */
  #take(work: Promise<void>): void {
    const task = work
      .catch((error: unknown) =>
        this.#options.log.warn(
          { err: error },
          "the state of a waiting mail was not stored, retrying when its lease expires",
        ),
      )
      .finally(() => this.#inHand.delete(task));
    this.#inHand.add(task);
  }

  async #attempt(mail: WaitingMail, wasSent: boolean): Promise<void> {
    const { database, metrics } = this.#options;
    const { sql } = database;
    if (wasSent) {
      metrics.duplicates.inc({});
      return removeWaiting(sql, mail.mailKey);
    }
    const delivery = deliveryOf(mail.raw, NOTIFICATIONS);
    // It was readable when it was stored, so this is another version of the binary, which will never read it.
    if ("invalid" in delivery)
      return this.#giveUp(mail, delivery.value, "unknown", delivery.invalid.code, delivery.invalid.reason);
    const { template } = delivery.message;
    const outcome = await sendTraced(delivery, mail.attempts + 1, this.#options);
    if (outcome.kind === "sent") return this.#sent(mail.mailKey, template);
    if (outcome.kind !== "held") metrics.failures.inc({ template });
    if (outcome.kind === "refused")
      return this.#giveUp(mail, delivery.value, template, "MAIL_REFUSED", outcome.reply);
    const state = this.#after(mail, outcome);
    if (outcome.kind === "later" && (await this.#isOver(state)))
      return this.#giveUp({ ...mail, ...state }, delivery.value, template, "MAIL_UNDELIVERED", outcome.reply);
    await saveState(sql, mail.mailKey, state);
  }

  async #settleFirst({ mailKey, sagaId, raw }: Deferred, outcome: Outcome): Promise<void> {
    const { database, clock } = this.#options;
    if (outcome.kind === "sent") return removeWaiting(database.sql, mailKey);
    if (outcome.kind !== "refused") return saveState(database.sql, mailKey, this.#after(UNTRIED, outcome));
    const delivery = deliveryOf(raw, NOTIFICATIONS);
    assert(!("invalid" in delivery), "a mail that cannot be read was tried");
    const { value, message } = delivery;
    const mail = { ...UNTRIED, mailKey, sagaId, raw, nextAttemptAt: clock.now(), lastReply: outcome.reply };
    await this.#giveUp(mail, value, message.template, "MAIL_REFUSED", outcome.reply);
  }

  async #sent(mailKey: string, template: string): Promise<void> {
    const { database, keyValue, metrics } = this.#options;
    metrics.sent.inc({ template });
    await Promise.all([
      keyValue.remember([sentKey(mailKey)], SENT_TTL_SECONDS),
      removeWaiting(database.sql, mailKey),
    ]);
  }

  async #giveUp(
    mail: WaitingMail,
    value: unknown,
    template: string,
    code: string,
    reply: string,
  ): Promise<void> {
    const { database, sendToDeadLetters, clock, metrics, log } = this.#options;
    const now = clock.now();
    const record = deadLetter(NOTIFICATIONS.service, {
      raw: mail.raw,
      value,
      sagaId: mail.sagaId,
      cause: cause(code, reply),
      // Attempts after the first.
      retryCount: Math.max(0, mail.attempts - 1),
      firstFailedAt: mail.firstFailedAt ?? now,
      lastFailedAt: now,
    });
    // The record first: if the removal fails, it is written again with the same id.
    await sendToDeadLetters([record]);
    await removeWaiting(database.sql, mail.mailKey);
    metrics.deadLettered.inc({ template });
    log.error({ saga_id: mail.sagaId, template, code, reply }, "a mail was dead-lettered");
  }

  #after(
    before: Pick<MailState, "attempts" | "firstFailedAt">,
    outcome: { kind: "later" | "held"; reply: string },
  ): MailState {
    const { clock, random, backoffMs = { first: BACKOFF_FIRST_MS, cap: BACKOFF_CAP_MS } } = this.#options;
    const { attempts, firstFailedAt } = before;
    const now = clock.now();
    const lastReply = outcome.reply;
    if (outcome.kind === "held") return { attempts, firstFailedAt, nextAttemptAt: now, lastReply };
    const pauseMs = withJitter(cappedBackoff(attempts, backoffMs.first, backoffMs.cap), random());
    return {
      attempts: attempts + 1,
      firstFailedAt: firstFailedAt ?? now,
      nextAttemptAt: now + pauseMs,
      lastReply,
    };
  }

  /** One fast clock must not be enough to dead-letter mails. */
  async #isOver({ firstFailedAt }: MailState): Promise<boolean> {
    const { clock, database, giveUpAfterMs } = this.#options;
    if (firstFailedAt === null || clock.now() - firstFailedAt < giveUpAfterMs) return false;
    return (await cautiousNow(database.sql, clock)) - firstFailedAt >= giveUpAfterMs;
  }
}

const UNTRIED = { attempts: 0, firstFailedAt: null } as const;
