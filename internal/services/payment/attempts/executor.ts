// Carries payment requests to the provider and its results back: claim, send, settle (the two transactions are in
// attempt-transactions.ts, the decisions in attempts.ts). A pipeline, not rounds: a slot that a fast result frees is filled again while
// slow requests are still out. The inbox transaction (handler.ts) claims a new charge if there is room. A background loop that calls
// `runOnce` claims charges that had to wait, and retries. Wired in cmd/payment.
//
// Any number of processes may run on one database. A process that dies leaves leases; when they expire, another process retries with the
// same keys.
import { describeError } from "../../../kernel/errors.ts";
import type { Clock, RunResult } from "../../../kernel/ports.ts";
import { ClaimFloor } from "../../../messaging/claim-floor.ts";
import { lingerMs } from "../../../messaging/linger.ts";
import { Groups } from "../../../messaging/groups.ts";
import { namesOf } from "../../../messaging/held-rows.ts";
import { LockCaution } from "../../../messaging/lock-caution.ts";
import { pause } from "../../../messaging/pause.ts";
import { type Log, traceFields, type Tracer } from "../../../kernel/telemetry.ts";
import { attemptSpan } from "./attempt-span.ts";
import { requestOf, type OpenToken } from "./provider-call.ts";
import { type Attempt, type AttemptResult, claimHold, leaseEnd } from "./attempt.ts";
import {
  type AttemptContext,
  claimDue,
  giveUpBacklog,
  settleResults,
  settleFree,
} from "./attempt-transactions.ts";
import { claimCharge, comesTooLate } from "./attempts.ts";
import type { Decision, Payment } from "../payment.ts";
import type { ChargeHold } from "../providers/charge-hold.ts";
import type { Pace } from "../providers/pace.ts";
import type { PaymentProvider } from "../providers/provider.ts";
import { applyPayment, type PaymentRows } from "../store.ts";
import { reportAlert, type PaymentMetrics } from "../telemetry.ts";

/** Maximum results per settlement; the rest waits for the next. */
const MAX_SETTLED = 1_000;
/** While requests are out, a result waits at least this long for others: a transaction of one costs as much as one of fifty. */
const SETTLE_LINGER_MS = 4;
const SETTLE_RETRY_MS = 500;
/** This part of an attempt's lease is for the settlement of its result; its requests have the rest. */
const SETTLE_MS = 2_000;
/**
 * An attempt that has less time for its requests is not made: they would be cut off, and the circuit breaker would count that as silence of
 * the provider.
 */
const SHORTEST_ATTEMPT_MS = 2_000;
/** The result of a locked payment is retried after this. */
const HELD_RETRY_MS = 300;
/** A stop waits this long for the calls in flight. Another process retries the rest when the leases expire. */
const STOP_DEADLINE_MS = 15_000;
const STOP_POLL_MS = 10;
/** While the provider takes fewer calls than there are, charges that wait too long are given up this often. */
const GIVE_UP_EVERY_MS = 500;
/**
 * The backlog may hold this many seconds of the provider's capacity: two thirds of the time that a saga waits by default, and far more
 * than the wait at which the intake admits checkouts again. The intake learns the wait from `charge_wait_ms`.
 */
const BACKLOG_SECONDS = 20;
/** The maximum while the capacity is not known. */
const MAX_BACKLOG = 100_000;

export interface ExecutorOptions extends Omit<AttemptContext, "provider" | "chargeWaitMs"> {
  readonly provider: PaymentProvider;
  /** How many calls the provider takes, and whether it accepts our requests; the provider above reports both (watched-provider.ts). */
  readonly pace: Pace;
  readonly hold: ChargeHold;
  readonly open: OpenToken;
  readonly clock: Clock;
  /** Maximum requests at the provider at once, in this process. */
  readonly concurrency: number;
  readonly metrics: PaymentMetrics;
  readonly log: Log;
  /** Called when there is room again and more was due without room: call `runOnce` soon. */
  readonly onRoom: () => void;
  /** The host of the provider, for traces. */
  readonly host?: string;
  /** Nothing is traced without it. */
  readonly tracer?: Tracer;
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
  /** Charges that were not sent yet, at the last count. */
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

  /** Claims what is due, as far as there is room, and sends it. `processed` is the number of claimed requests. */
  async runOnce(): Promise<RunResult> {
    const { concurrency, clock, metrics, pace, hold } = this.#options;
    const isScarce = pace.rate(performance.now()) !== null || hold.isHeld;
    if (isScarce) await this.#reportBacklog();
    // A claimed request is sent at once. A request that must wait stays in the table, where its undo finds it.
    const room = Math.min(concurrency - this.#inFlight, pace.room(performance.now()));
    this.#mayHaveMore = true;
    if (room <= 0 || this.#isStopping) return { processed: 0, hasMore: false, isBlocked: true };
    // Reserved before the claim returns: a settlement in between must not see this room as free.
    this.#inFlight += room;
    let attempts: readonly Attempt[] = [];
    try {
      const startedAt = performance.now();
      // While calls are scarce, charges that stay are older than those that are claimed.
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
    return { processed: attempts.length, hasMore: attempts.length >= concurrency, isBlocked: isScarce };
  }

  /**
   * Claims the requests of this provider's payments that were created or changed in `rows`, as far as there is room, before they are
   * saved: charges, captures and voids. Claims none while anything limits new charges: then they wait in the table, and the oldest come
   * first. It reserves no room until `send`, so `runOnce` may claim more meanwhile.
   */
  claimNew(rows: PaymentRows, now: number): void {
    const { concurrency, pace, hold, policy, provider } = this.#options;
    if (this.#isStopping || hold.isHeld || pace.rate(performance.now()) !== null) return;
    let room = concurrency - this.#inFlight;
    for (const saga_id of [...rows.made, ...rows.changed]) {
      if (room <= 0) return;
      const payment = rows.payments.get(saga_id);
      if (payment === undefined || payment.provider !== provider.name) continue;
      const claim = rows.made.has(saga_id)
        ? this.#claimNewCharge(payment, now)
        : claimHold(payment, now, policy);
      if (claim === null) continue;
      applyPayment(rows, claim.payment);
      rows.claimed.push(claim);
      room -= 1;
    }
  }

  /** The next run gives up a charge that would come too late, and reports it to its saga. */
  #claimNewCharge(payment: Payment, now: number): Attempt | null {
    const { policy } = this.#options;
    if (comesTooLate(payment, now, policy)) return null;
    const claim = claimCharge(payment, now, policy);
    return claim === null ? null : { kind: "charge", ...claim };
  }

  /** Sends the requests of this provider among those that `claimNew` has claimed, after their commit. */
  send(claims: readonly Attempt[]): void {
    const { metrics, provider } = this.#options;
    const own = claims.filter(({ payment }) => payment.provider === provider.name);
    this.#inFlight += own.length;
    metrics.inFlight.set({ provider: provider.name }, this.#inFlight);
    for (const claim of own) void this.#carry(claim);
  }

  /** Waits for the requests in flight and their settlement, up to a limit. Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    const until = this.#options.clock.now() + STOP_DEADLINE_MS;
    this.#isStopping = true;
    while (this.#inFlight > 0 && this.#options.clock.now() < until) await pause(STOP_POLL_MS);
  }

  /** A shopper whose turn would come too late hears it now, and not after a charge that must be refunded. */
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
        "the provider takes fewer calls than there are, or none: waiting payments failed without a request",
      );
  }

  async #carry(attempt: Attempt): Promise<void> {
    const { clock, metrics, provider, tracer, host } = this.#options;
    const sentAt = clock.now();
    const span = attemptSpan(tracer, host, attempt);
    const result = await this.#request(attempt);
    span.ended(result);
    if (result === null) this.#release(1);
    else {
      // First the result: a measurement that fails must not lose it.
      this.#results.add(result);
      const { trace_id } = traceFields(attempt.payment.traceparent);
      const { kind: request, outcome } = result;
      metrics.observe(
        { provider: provider.name, request, outcome: outcome.kind },
        clock.now() - sentAt,
        trace_id,
      );
    }
  }

  /** Returns null if the request must not be sent any more. */
  async #request(attempt: Attempt): Promise<AttemptResult | null> {
    const { provider, open, clock, log, hold } = this.#options;
    const { payment, request } = attempt;
    const { saga_id } = payment;
    const sentAt = clock.now();
    // A process that was suspended wakes up with requests that others have sent meanwhile. A late request could even arrive after
    // the provider has forgotten the key.
    const leftMs = leaseEnd(attempt) - SETTLE_MS - sentAt;
    if (leftMs < SHORTEST_ATTEMPT_MS) return null;
    try {
      const outcome = await requestOf(provider, open, attempt, performance.now() + leftMs);
      const result: AttemptResult = { saga_id, attempt: request.attempt, ...outcome };
      // While new charges are held back because of our fault, the charge that probed waits like the others.
      return result.kind === "charge" && result.outcome.kind === "request_refused" && hold.isHeld
        ? { ...result, outcome: { kind: "deferred", retry_after_ms: null } }
        : result;
    } catch (error) {
      log.error(
        { err: error, saga_id, ...traceFields(payment.traceparent) },
        "the request to the provider failed unexpectedly, retrying when the lease expires",
      );
      return null;
    }
  }

  async #settleAll(batch: readonly AttemptResult[]): Promise<void> {
    const leftOut = await this.#settle(batch);
    this.#release(batch.length - leftOut.length);
    if (leftOut.length > 0) void this.#settleLater(leftOut);
  }

  /** Their payments are locked. The results keep their slots meanwhile, because a lost result would need a new request. */
  async #settleLater(results: readonly AttemptResult[]): Promise<void> {
    await pause(HELD_RETRY_MS);
    for (const result of results) this.#results.add(result);
  }

  /** Retries until it is settled, because a lost result would need a new request. Returns the results whose payment is locked. */
  async #settle(batch: readonly AttemptResult[]): Promise<readonly AttemptResult[]> {
    const { database, clock, metrics, log } = this.#options;
    for (let failures = 0; ; failures += 1) {
      try {
        const { decisions, leftOut } = await this.#settleOnce(batch, clock.now());
        metrics.settled(decisions);
        for (const { alert } of decisions) if (alert !== undefined) reportAlert({ metrics, log }, alert);
        this.#wakeFor(decisions);
        return leftOut;
      } catch (error) {
        const fault = database.faultOf(error);
        if (fault === "other") return this.#settleApart(batch, error);
        if (failures === 0) log.warn({ err: error, answers: batch.length }, "a settlement failed, retrying");
        await pause(SETTLE_RETRY_MS);
      }
    }
  }

  /** Waits for locks while that works; after a failed wait it leaves out what is locked. */
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
        `payments are locked: their results wait, all others are settled: ${describeError(error)}`,
      );
      return settled;
    }
  }

  /** One of the results cannot be saved. The others must not wait for it. */
  async #settleApart(batch: readonly AttemptResult[], error: unknown): Promise<readonly AttemptResult[]> {
    const [first] = batch;
    const leftOut: AttemptResult[] = [];
    if (batch.length > 1) {
      for (const result of batch) leftOut.push(...(await this.#settle([result])));
    } else if (first !== undefined) {
      const { saga_id, kind } = first;
      this.#options.log.error({ err: error, saga_id, kind }, "a provider result cannot be settled");
    }
    return leftOut;
  }

  /** A charge that succeeded after its undo is due as a refund at once, one that only holds the money as a void. */
  #wakeFor(decisions: readonly Decision[]): void {
    const isDue = ({ payment: { status } }: Decision) =>
      status === "REFUND_PENDING" || status === "VOID_PENDING";
    if (decisions.some(isDue)) this.#mayHaveMore = true;
  }

  #release(slots: number): void {
    this.#inFlight -= slots;
    this.#options.metrics.inFlight.set({ provider: this.#context.provider }, this.#inFlight);
    if (this.#mayHaveMore) this.#options.onRoom();
  }
}
