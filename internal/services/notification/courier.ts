// Sends mails as fast as the mail server accepts them, and stops while it accepts none. Every mail of the process goes through one
// courier: first attempts (notifier.ts) and later attempts (waiting-mails.ts).
//
// There are three separate cases. A "later" or "never" reply concerns one mail and affects no other. A server that says "too much" gets
// fewer mails per second (pace.ts) or fewer connections. A server that is unavailable, refuses our password or refuses us altogether
// gets only an occasional probe. No mail is tried meanwhile, so no mail loses an attempt.
import { cappedBackoff, withJitter } from "../../kernel/backoff.ts";
import { AppError } from "../../kernel/errors.ts";
import { pause } from "../../messaging/pause.ts";
import type { Log } from "../../kernel/telemetry.ts";
import type { Mail } from "./mails.ts";
import { Pace } from "./pace.ts";
import { judge, type SmtpFault } from "./smtp-failure.ts";
import type { NotificationMetrics } from "./telemetry.ts";

const PROBE_FIRST_MS = 500;
/** Frequent probes find a server that is back. One that refuses our password gets few, because it might lock the account. */
const PROBE_CAP_MS = { soon: 5_000, login: 60_000 } as const;
/** This many refusals in a row are the server's fault, not the recipients'. */
const REFUSALS_IN_A_ROW = 5;
/** If no other mail shows in this time whether a refusal is the recipient's, the mail is retried later. */
const LONGEST_DOUBT_MS = 30_000;
/** If half of this many replies are "later", the server limits us without saying so. */
const RECENT_ANSWERS = 20;
/** A mail that the limit delays longer goes to the database, where it costs no memory and delays no other mail. */
const LONGEST_HOLD_MS = 30_000;
/** A success proves for this long that the server works; after that /readyz probes it. */
const PROVEN_MS = 30_000;
const MOST_AT_ONCE = 50;
const STOP_PATIENCE_MS = 8_000;
/** Sent mails before the courier adds back one connection. */
const MAILS_PER_CONNECTION_BACK = 50;

export type Outcome =
  | { readonly kind: "sent" }
  | { readonly kind: "refused"; readonly reply: string }
  | { readonly kind: "later"; readonly reply: string }
  /** Not tried, or failed for a reason that is not the mail's. */
  | { readonly kind: "held"; readonly reply: string };

export interface CourierOptions {
  /** Resolves when the server has accepted the mail. */
  readonly post: (mail: Mail) => Promise<void>;
  /** Connects and logs in; throws if that fails. */
  readonly verify: () => Promise<void>;
  readonly maxConnections: number;
  /** In [0, 1). */
  readonly random: () => number;
  readonly metrics: Pick<NotificationMetrics, "errors" | "unusable" | "perSecond">;
  readonly log: Log;
}

interface Errand {
  readonly mail: Mail;
  readonly since: number;
  readonly done: (outcome: Outcome) => void;
}

/** A refusal that does not name the recipient. If a later mail is accepted, it was the recipient's; if all are refused, the server's. */
interface Doubt {
  readonly errand: Errand;
  readonly reply: string;
  readonly timer: Timer;
}

interface Closed {
  readonly reason: string;
  readonly verifiable: boolean;
  /** One mail may try whether the server accepts it. */
  trying: boolean;
}

export class Courier implements AsyncDisposable {
  readonly #options: CourierOptions;
  readonly #pace = new Pace();
  readonly #stop = new AbortController();
  #queue: Errand[] = [];
  #underWay = 0;
  #connections: number;
  #sinceFewer = 0;
  #closed: Closed | undefined;
  #probes = 0;
  #refusals = 0;
  readonly #doubts = new Set<Doubt>();
  /** For each of the last replies, whether it was "later". */
  #recent: boolean[] = [];
  #provenAt = Number.NEGATIVE_INFINITY;
  #verifying: Promise<void> | undefined;
  #pump: Timer | undefined;
  #changed = Promise.withResolvers<void>();

  constructor(options: CourierOptions) {
    this.#options = options;
    this.#connections = options.maxConnections;
    options.metrics.unusable.set({}, 0);
    options.metrics.perSecond.set({}, 0);
  }

  /** How many more mails to fetch now: one second's worth. 0 while the server accepts none or enough mails are queued. */
  get room(): number {
    if (this.#stop.signal.aborted) return 0;
    if (this.#closed !== undefined)
      return this.#closed.trying && this.#queue.length + this.#underWay === 0 ? 1 : 0;
    const most = Math.max(1, Math.min(MOST_AT_ONCE, Math.ceil(this.#pace.perSecond)));
    return this.#queue.length >= most ? 0 : most;
  }

  /** Resolves when there is room, or `signal` aborts. */
  async untilRoom(signal: AbortSignal): Promise<void> {
    const aborted = Promise.withResolvers<void>();
    const abort = () => aborted.resolve();
    signal.addEventListener("abort", abort, { once: true });
    try {
      while (this.room === 0 && !signal.aborted && !this.#stop.signal.aborted)
        await Promise.race([this.#changed.promise, aborted.promise]);
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  /** Resolves when the server has replied, or when the mail cannot be tried now. Never rejects. */
  send(mail: Mail): Promise<Outcome> {
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    if (this.#stop.signal.aborted) resolve({ kind: "held", reply: "the process is stopping" });
    else if (this.#closed !== undefined && !this.#closed.trying)
      resolve({ kind: "held", reply: this.#closed.reason });
    else {
      this.#queue.push({ mail, since: performance.now(), done: resolve });
      this.#start();
    }
    return promise;
  }

  /** Probes the server without a mail, unless it worked recently. Throws with the reason while mails have to wait. */
  async ready(): Promise<void> {
    if (this.#closed === undefined && performance.now() - this.#provenAt > PROVEN_MS) await this.#verify();
    if (this.#closed !== undefined)
      throw new AppError("SERVICE_UNAVAILABLE", `mails wait for the mail server: ${this.#closed.reason}`);
  }

  /** Starts no more mails and waits a short time for those in flight. Idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#pump);
    this.#holdAll("the process is stopping");
    const late = pause(STOP_PATIENCE_MS).then(() => "late" as const);
    while (this.#underWay > 0) if ((await Promise.race([this.#changed.promise, late])) === "late") return;
  }

  #start(): void {
    clearTimeout(this.#pump);
    const most = this.#closed === undefined ? this.#connections : 1;
    while (this.#queue.length > 0 && this.#underWay < most) {
      const now = performance.now();
      if (!this.#pace.take(now)) {
        this.#pump = setTimeout(() => this.#start(), this.#pace.waitMs(now) + 1);
        break;
      }
      const errand = this.#queue.shift();
      if (errand === undefined) break;
      this.#underWay += 1;
      void this.#carry(errand).finally(() => {
        this.#underWay -= 1;
        this.#start();
        this.#signalChange();
      });
    }
    const now = performance.now();
    while (this.#queue[0] !== undefined && now - this.#queue[0].since > LONGEST_HOLD_MS)
      this.#queue.shift()?.done({ kind: "held", reply: "the mail server's rate limit delays this mail" });
  }

  async #carry(errand: Errand): Promise<void> {
    try {
      await this.#options.post(errand.mail);
    } catch (error) {
      const { fault, reply } = judge(error);
      this.#fail(errand, fault, reply);
      return;
    }
    this.#pace.accepted(performance.now());
    this.#reportPace();
    this.#refusals = 0;
    this.#endDoubts("refused");
    this.#remember(false);
    this.#moreConnections();
    this.#works();
    errand.done({ kind: "sent" });
  }

  #fail(errand: Errand, fault: SmtpFault, reply: string): void {
    switch (fault.kind) {
      case "refused":
        this.#refusals += 1;
        this.#remember(false);
        if (fault.certainly) {
          this.#works();
          return errand.done({ kind: "refused", reply });
        }
        if (this.#closed === undefined && this.#refusals < REFUSALS_IN_A_ROW)
          return this.#doubt(errand, reply);
        this.#close(`it refuses every mail: ${reply}`, false);
        return errand.done({ kind: "held", reply });
      case "later":
        this.#remember(true);
        this.#works();
        return errand.done({ kind: "later", reply });
      case "lost":
        void this.#verify();
        return errand.done({ kind: "later", reply });
      case "slower":
        this.#options.metrics.errors.inc({ kind: "too_much" });
        if (fault.connections && this.#connections > 1) this.#fewerConnections();
        else this.#slower();
        // Back to the head of the queue, so that it does not wait behind the others.
        this.#queue.unshift(errand);
        return;
      case "unusable":
        this.#close(reply, fault.verifiable);
        return errand.done({ kind: "held", reply });
      default:
        return fault satisfies never;
    }
  }

  #doubt(errand: Errand, reply: string): void {
    const timer = setTimeout(() => this.#endDoubt(doubt, "later"), LONGEST_DOUBT_MS);
    const doubt: Doubt = { errand, reply, timer };
    this.#doubts.add(doubt);
  }

  #endDoubts(kind: "refused" | "held"): void {
    for (const doubt of this.#doubts) this.#endDoubt(doubt, kind);
  }

  #endDoubt(doubt: Doubt, kind: "refused" | "held" | "later"): void {
    clearTimeout(doubt.timer);
    this.#doubts.delete(doubt);
    doubt.errand.done({ kind, reply: doubt.reply });
  }

  #remember(wasLater: boolean): void {
    this.#recent.push(wasLater);
    if (this.#recent.length < RECENT_ANSWERS) return;
    if (this.#recent.filter(Boolean).length * 2 >= RECENT_ANSWERS) this.#slower();
    this.#recent = [];
  }

  #slower(): void {
    const before = this.#pace.perSecond;
    this.#pace.slower(performance.now());
    this.#reportPace();
    if (before !== Number.POSITIVE_INFINITY) return;
    this.#options.log.warn(
      { mails_per_second: this.#pace.perSecond },
      "the mail server limits the rate, mails are paced",
    );
  }

  #reportPace(): void {
    const { perSecond } = this.#pace;
    this.#options.metrics.perSecond.set({}, Number.isFinite(perSecond) ? perSecond : 0);
  }

  #fewerConnections(): void {
    this.#connections = Math.max(1, Math.min(this.#connections, this.#underWay) - 1);
    this.#sinceFewer = 0;
  }

  #moreConnections(): void {
    this.#sinceFewer += 1;
    if (this.#connections >= this.#options.maxConnections || this.#sinceFewer < MAILS_PER_CONNECTION_BACK)
      return;
    this.#connections += 1;
    this.#sinceFewer = 0;
  }

  /** The server has handled a mail properly. */
  #works(): void {
    this.#provenAt = performance.now();
    if (this.#closed === undefined) return;
    this.#closed = undefined;
    this.#probes = 0;
    this.#options.metrics.unusable.set({}, 0);
    this.#options.log.info({}, "the mail server accepts mails again");
    this.#signalChange();
  }

  #close(reason: string, verifiable: boolean): void {
    const wasOpen = this.#closed === undefined;
    // Mails in flight at the close report the same fault again.
    if (!wasOpen && !this.#closed?.trying) return;
    this.#closed = { reason, verifiable, trying: false };
    this.#refusals = 0;
    this.#holdAll(reason);
    if (wasOpen) {
      const { metrics, log } = this.#options;
      metrics.unusable.set({}, 1);
      metrics.errors.inc({ kind: verifiable ? "server" : "refusing" });
      log.error({ reason }, "the mail server is unavailable or refuses us, all mails wait");
    }
    void this.#probeLater();
  }

  #holdAll(reply: string): void {
    for (const errand of this.#queue.splice(0)) errand.done({ kind: "held", reply });
    this.#endDoubts("held");
    this.#signalChange();
  }

  /** Waits, then probes without a mail. If such a probe cannot show the fault, one mail may try. */
  async #probeLater(): Promise<void> {
    const { random } = this.#options;
    for (;;) {
      const closed = this.#closed;
      if (closed === undefined) return;
      const capMs = isLogin(closed.reason) ? PROBE_CAP_MS.login : PROBE_CAP_MS.soon;
      await pause(
        withJitter(cappedBackoff(this.#probes, PROBE_FIRST_MS, capMs), random()),
        this.#stop.signal,
      );
      if (this.#stop.signal.aborted || this.#closed !== closed) return;
      this.#probes += 1;
      try {
        await this.#options.verify();
      } catch (error) {
        const { reply } = judge(error);
        if (this.#closed === closed) this.#closed = { ...closed, reason: reply };
        continue;
      }
      if (this.#closed !== closed) return;
      if (closed.verifiable) this.#works();
      else {
        closed.trying = true;
        this.#signalChange();
      }
      return;
    }
  }

  /** Connects and logs in without a mail. Closes the courier if the server cannot be used. */
  #verify(): Promise<void> {
    this.#verifying ??= this.#options
      .verify()
      .then(
        () => void (this.#provenAt = performance.now()),
        (error: unknown) => {
          const { fault, reply } = judge(error);
          if (fault.kind === "slower") this.#fewerConnections();
          else this.#close(reply, true);
        },
      )
      .finally(() => (this.#verifying = undefined));
    return this.#verifying;
  }

  #signalChange(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}

/** RFC 4954: replies about authentication. */
function isLogin(reason: string): boolean {
  return /\b53[458][ -]/.test(reason);
}
