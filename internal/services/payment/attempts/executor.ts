// Carries the requests of payments to the provider and its answers back: claim, ask, settle (the two transactions are in
// attempt-transactions.ts, the decisions in attempts.ts). A pipeline, not rounds: a slot that a quick answer frees is filled
// again while slow ones are still out. A new charge is claimed by the transaction that takes it in (handler.ts), if there is room;
// what has to wait, or comes up again, by a background loop that ticks `runOnce`. Wired in cmd/payment.
//
// Any number of processes may do this on one database. One that dies leaves leases behind; when they are over, somebody asks
// again with the same keys.
import { describeError } from "../../../kernel/errors.ts";
import type { Clock, RunResult } from "../../../kernel/ports.ts";
import { ClaimFloor } from "../../../messaging/claim-floor.ts";
import { lingerMs } from "../../../messaging/linger.ts";
import { Groups } from "../../../messaging/groups.ts";
import { namesOf } from "../../../messaging/held-rows.ts";
import { LockCaution } from "../../../messaging/lock-caution.ts";
import { pause } from "../../../messaging/pause.ts";
import type { Log } from "../../../kernel/telemetry.ts";
import { askCharge, askRefund, type OpenToken } from "./provider-call.ts";
import {
  type AttemptResult,
  type Attempt,
  type AttemptContext,
  claimDue,
  giveUpBacklog,
  settleResults,
  settleFree,
} from "./attempt-transactions.ts";
import { type ChargeClaim, claimCharge, comesTooLate } from "./attempts.ts";
import type { Decision } from "../payment.ts";
import type { ChargeHold } from "../providers/charge-hold.ts";
import type { Pace } from "../providers/pace.ts";
import type { PaymentProvider } from "../providers/provider.ts";
import { applyPayment, type PaymentRows } from "../store.ts";
import type { PaymentMetrics } from "../telemetry.ts";

/** Answers per settlement; more wait for the next. */
const MAX_SETTLED = 1_000;
/** While others are out, an answer waits at least so long for company: a transaction of one costs as much as one of fifty. */
const SETTLE_LINGER_MS = 4;
const SETTLE_RETRY_MS = 500;
/** An answer to a payment that somebody has locked is tried again after this. */
const HELD_RETRY_MS = 300;
/** A stop waits this long for the calls in flight; what is left is another process's once its lease is over. */
const STOP_DEADLINE_MS = 15_000;
const STOP_POLL_MS = 10;
/** While the provider takes less than there is, those that wait in vain are told this often. */
const GIVE_UP_EVERY_MS = 500;
/**
 * So many seconds of what the provider takes may wait: two thirds of what a saga waits for by default, and far more than what the
 * intake goes on at, which hears of it by `charge_wait_ms`.
 */
const BACKLOG_SECONDS = 20;
/** While that is not known. */
const MAX_BACKLOG = 100_000;

export interface ExecutorOptions extends Omit<AttemptContext, "provider" | "chargeWaitMs"> {
  readonly provider: PaymentProvider;
  /** What the provider takes, and whether it understands us; the provider above tells them (watched-provider.ts). */
  readonly pace: Pace;
  readonly hold: ChargeHold;
  readonly open: OpenToken;
  readonly clock: Clock;
  /** Requests at the provider at once, in this process. */
  readonly concurrency: number;
  readonly metrics: PaymentMetrics;
  readonly log: Log;
  /** There is room again, and more was due when there was none: run once more, soon. */
  readonly onRoom: () => void;
}

export class Executor implements AsyncDisposable {
  readonly #options: ExecutorOptions;
  readonly #context: AttemptContext;
  /** Claimed and not yet settled. */
  #inFlight = 0;
  readonly #results: Groups<AttemptResult>;
  readonly #caution = new LockCaution();
  #mayHaveMore = false;
  #isStopping = false;
  #gaveUpAtMs = -Infinity;
  /** Charges that nobody has asked for yet, when they were last counted. */
  #waiting = 0;
  readonly #floor = new ClaimFloor();

  constructor(options: ExecutorOptions) {
    this.#options = options;
    this.#context = {
      ...options,
      provider: options.provider.name,
      chargeWaitMs: (waiting = this.#waiting) => options.pace.waitMs(waiting, performance.now()),
    };
    this.#results = new Groups({
      maxGroup: MAX_SETTLED,
      maxInFlight: 1,
      lingerMs: (load) =>
        this.#inFlight > this.#results.waiting ? Math.max(SETTLE_LINGER_MS, lingerMs(load)) : 0,
      serve: (batch) => this.#settleAll(batch),
    });
  }

  /** Claims what is due, as far as there is room, and sends it on its way. `processed` is the number of requests claimed. */
  async runOnce(): Promise<RunResult> {
    const { concurrency, clock, metrics, pace, hold } = this.#options;
    const isScarce = pace.rate(performance.now()) !== null || hold.isHeld;
    if (isScarce) await this.#reportBacklog();
    // What is claimed leaves at once. What has to wait waits in the table, where its undo finds it.
    const room = Math.min(concurrency - this.#inFlight, pace.room(performance.now()));
    this.#mayHaveMore = true;
    if (room <= 0 || this.#isStopping) return { processed: 0, hasMore: false };
    // Taken before the claim returns: a settlement in between must not think that there is room.
    this.#inFlight += room;
    let attempts: readonly Attempt[] = [];
    try {
      const startedAt = performance.now();
      // While calls are scarce those that stay are older than those that are claimed.
      const dueFrom = isScarce ? 0 : this.#floor.next(startedAt);
      const limits = { limit: room, newCharges: hold.newCharges(startedAt), isScarce, dueFrom };
      const claims = await claimDue(this.#context, limits, clock.now());
      const { oldestDue: oldest } = claims;
      if (!isScarce) this.#floor.claimed({ from: dueFrom, oldest, startedAt, endedAt: performance.now() });
      attempts = claims.attempts;
      if (claims.newCharges > 0) hold.leave(performance.now());
      metrics.settled(claims.givenUp);
    } finally {
      this.#inFlight -= room - attempts.length;
    }
    metrics.providerRate.set({ provider: this.#context.provider }, pace.rate(performance.now()) ?? 0);
    this.#mayHaveMore = isScarce || attempts.length === room;
    metrics.inFlight.set({ provider: this.#context.provider }, this.#inFlight);
    for (const attempt of attempts) void this.#carry(attempt);
    return { processed: attempts.length, hasMore: attempts.length >= concurrency };
  }

  /**
   * Claims the charges of the payments that `rows` has made, as far as there is room, before they are written. None while anything
   * limits new charges: who came first is first then, and waits in the table. Nothing is held for them until `send`, so what
   * `runOnce` claims meanwhile may come on top.
   */
  claimNew(rows: PaymentRows, now: number): void {
    const { concurrency, pace, hold, policy } = this.#options;
    if (this.#isStopping || hold.isHeld || pace.rate(performance.now()) !== null) return;
    const room = concurrency - this.#inFlight;
    for (const saga_id of rows.made) {
      if (rows.claimed.length >= room) return;
      const payment = rows.payments.get(saga_id);
      // What would come too late is given up by the next run, with the word to its saga.
      if (payment === undefined || comesTooLate(payment, now, policy)) continue;
      const claim = claimCharge(payment, now, policy);
      if (claim === null) continue;
      applyPayment(rows, claim.payment);
      rows.claimed.push(claim);
    }
  }

  /** Asks for charges that `claimNew` has claimed, once they are committed. */
  send(claims: readonly ChargeClaim[]): void {
    this.#inFlight += claims.length;
    this.#options.metrics.inFlight.set({ provider: this.#context.provider }, this.#inFlight);
    for (const claim of claims) void this.#carry({ kind: "charge", ...claim });
  }

  /** Waits for the requests in flight and their settlement, up to a limit. Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    const until = this.#options.clock.now() + STOP_DEADLINE_MS;
    this.#isStopping = true;
    while (this.#inFlight > 0 && this.#options.clock.now() < until) await pause(STOP_POLL_MS);
  }

  /** A shopper whose turn would come too late hears so now, and not after a charge that has to be given back. */
  async #reportBacklog(): Promise<void> {
    const { pace, metrics, log, clock } = this.#options;
    const nowMs = performance.now();
    if (nowMs - this.#gaveUpAtMs < GIVE_UP_EVERY_MS) return;
    this.#gaveUpAtMs = nowMs;
    const capacity = pace.capacity(nowMs);
    const keep = capacity === null ? MAX_BACKLOG : Math.ceil(capacity * BACKLOG_SECONDS);
    const { givenUp, waiting } = await giveUpBacklog(this.#context, keep, clock.now());
    this.#waiting = waiting;
    metrics.settled(givenUp);
    if (givenUp.length > 0)
      log.warn(
        { payments: givenUp.length, calls_per_second: capacity },
        "the provider takes fewer calls than there are, or none of ours: payments were given up, unasked",
      );
  }

  async #carry(attempt: Attempt): Promise<void> {
    const answer = await this.#ask(attempt);
    if (answer === null) this.#release(1);
    else this.#results.add(answer);
  }

  /** Null where the request must not be asked any more. */
  async #ask(attempt: Attempt): Promise<AttemptResult | null> {
    const { provider, open, clock, metrics, log, hold } = this.#options;
    const { payment, request } = attempt;
    const { saga_id } = payment;
    const asked = clock.now();
    // A process that was suspended wakes up with requests that others have asked meanwhile. Asking late could even outlive
    // the provider's memory of the key.
    const leaseEnd =
      attempt.kind === "charge" ? attempt.payment.next_attempt_at : attempt.payment.refund.next_attempt_at;
    if (asked >= leaseEnd) return null;
    try {
      const answer: AttemptResult =
        attempt.kind === "charge"
          ? {
              kind: "charge",
              saga_id,
              attempt: request.attempt,
              outcome: await askCharge(provider, open, attempt.payment, attempt.request),
            }
          : {
              kind: "refund",
              saga_id,
              attempt: request.attempt,
              outcome: await askRefund(provider, attempt.payment, attempt.request),
            };
      metrics.observe(provider.name, answer.kind, answer.outcome.kind, clock.now() - asked);
      // While it is known that the fault is ours, the shopper whose charge found out again waits like the others.
      return answer.kind === "charge" && answer.outcome.kind === "request_refused" && hold.isHeld
        ? { ...answer, outcome: { kind: "deferred", retry_after_ms: null } }
        : answer;
    } catch (error) {
      log.error(
        { err: error, saga_id },
        "the provider could not be asked, the lease's end brings the next attempt",
      );
      return null;
    }
  }

  async #settleAll(batch: readonly AttemptResult[]): Promise<void> {
    const leftOut = await this.#settle(batch);
    this.#release(batch.length - leftOut.length);
    if (leftOut.length > 0) void this.#settleLater(leftOut);
  }

  /** Their payments are locked. The answers keep their slots meanwhile: they have to be asked for again if they are lost. */
  async #settleLater(answers: readonly AttemptResult[]): Promise<void> {
    await pause(HELD_RETRY_MS);
    for (const answer of answers) this.#results.add(answer);
  }

  /** Settles until it worked: an answer that is forgotten has to be asked for again. Returns those whose payment is locked. */
  async #settle(batch: readonly AttemptResult[]): Promise<readonly AttemptResult[]> {
    const { database, clock, metrics, log } = this.#options;
    for (let failures = 0; ; failures += 1) {
      try {
        const { decisions, leftOut } = await this.#settleOnce(batch, clock.now());
        metrics.settled(decisions);
        this.#wakeFor(decisions);
        return leftOut;
      } catch (error) {
        const fault = database.faultOf(error);
        if (fault === "other") return this.#settleApart(batch, error);
        if (failures === 0)
          log.warn({ err: error, answers: batch.length }, "a settlement has to be repeated");
        await pause(SETTLE_RETRY_MS);
      }
    }
  }

  /** Waits for locks as long as that is right, and leaves out what is locked where it is not. */
  async #settleOnce(batch: readonly AttemptResult[], now: number) {
    const { database, clock, log } = this.#options;
    const begunAt = clock.now();
    if (this.#caution.isWary(begunAt)) return settleFree(this.#context, batch, now);
    try {
      const decisions = await settleResults(this.#context, batch, now);
      this.#caution.wentThrough(begunAt);
      return { decisions, leftOut: [] };
    } catch (error) {
      if (database.faultOf(error) !== "locked") throw error;
      this.#caution.waitedInVain(begunAt, clock.now());
      const settled = await settleFree(this.#context, batch, clock.now());
      const fields = { ...namesOf(settled.held), set_aside: settled.leftOut.length };
      log.warn(
        fields,
        `payments are locked, their answers wait, all others are settled: ${describeError(error)}`,
      );
      return settled;
    }
  }

  /** One of the answers cannot be written. The others must not wait for it. */
  async #settleApart(batch: readonly AttemptResult[], error: unknown): Promise<readonly AttemptResult[]> {
    const [first] = batch;
    const leftOut: AttemptResult[] = [];
    if (batch.length > 1) {
      for (const answer of batch) leftOut.push(...(await this.#settle([answer])));
    } else if (first !== undefined) {
      const { saga_id, kind } = first;
      this.#options.log.error({ err: error, saga_id, kind }, "an answer of the provider cannot be settled");
    }
    return leftOut;
  }

  /** A charge that succeeded after its undo is due as a refund at once. */
  #wakeFor(decisions: readonly Decision[]): void {
    if (decisions.some(({ payment }) => payment.status === "REFUND_PENDING")) this.#mayHaveMore = true;
  }

  #release(slots: number): void {
    this.#inFlight -= slots;
    this.#options.metrics.inFlight.set({ provider: this.#context.provider }, this.#inFlight);
    if (this.#mayHaveMore) this.#options.onRoom();
  }
}
