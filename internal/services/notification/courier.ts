// Brings mails to the mail server as fast as the server wants them, and knows when it wants none. Every mail of the process goes
// through one courier: those of the topic (notifier.ts) and those that had to wait (waiting-mails.ts).
//
// Three things are kept apart. A mail that is answered with "later" or "never" is that mail's matter, and no other hears of it.
// A server that says "too much" gets less: fewer a second (pace.ts) or over fewer connections. A server that is away, refuses our
// password or refuses us altogether gets nothing but a probe now and then; no mail is tried meanwhile, so none counts an attempt.
import { cappedBackoff, withJitter } from "../../kernel/backoff.ts";
import { AppError } from "../../kernel/errors.ts";
import { pause } from "../../messaging/pause.ts";
import type { Log } from "../../kernel/telemetry.ts";
import type { Mail } from "./mails.ts";
import { Pace } from "./pace.ts";
import { judge, type SmtpFault } from "./smtp-failure.ts";
import type { NotificationMetrics } from "./telemetry.ts";

const PROBE_FIRST_MS = 500;
/** A server is soon found again; one that refuses our password must not be asked often, lest it lock the account. */
const PROBE_CAP_MS = { soon: 5_000, login: 60_000 } as const;
/** So many mails refused one after the other, and none taken: that is not so many recipients. */
const REFUSALS_IN_A_ROW = 5;
/** A refusal that does not say whether it is the recipient's is put off where nothing shows it for so long. */
const LONGEST_DOUBT_MS = 30_000;
/** Half of so many answers were "later": a server that limits and does not say so. */
const RECENT_ANSWERS = 20;
/** A mail that the server's limit holds back for longer goes to the database, where it costs no memory and is in nobody's way. */
const LONGEST_HOLD_MS = 30_000;
/** What the server was seen to do counts for so long; then /readyz asks it. */
const PROVEN_MS = 30_000;
const MOST_AT_ONCE = 50;
const STOP_PATIENCE_MS = 8_000;
/** Connections are given back one by one, each after so many mails. */
const MAILS_PER_CONNECTION_BACK = 50;

export type Outcome =
  | { readonly kind: "sent" }
  | { readonly kind: "refused"; readonly reply: string }
  | { readonly kind: "later"; readonly reply: string }
  /** Not tried, or to no avail for a reason that is not the mail's. */
  | { readonly kind: "held"; readonly reply: string };

export interface CourierOptions {
  /** Resolves when the server has taken the mail. */
  readonly post: (mail: Mail) => Promise<void>;
  /** Connects and logs in; throws what keeps it from that. */
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

/** Refused, and the reply does not name the recipient: theirs if the next mail is taken, everybody's if it is refused as well. */
interface Doubt {
  readonly errand: Errand;
  readonly reply: string;
  readonly timer: Timer;
}

interface Closed {
  readonly reason: string;
  readonly verifiable: boolean;
  /** A mail is on its way to see whether the server takes it. */
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
  /** Of the last answers, whether each was "later". */
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

  /** How many more mails make sense now: a second's worth. 0 while the server takes none, or enough wait already. */
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

  /** Settles when the mail has been answered, or cannot be tried now. Never rejects. */
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

  /** Asks the server without a mail, unless it has shown lately that it works. Throws while mails have to wait, and says why. */
  async ready(): Promise<void> {
    if (this.#closed === undefined && performance.now() - this.#provenAt > PROVEN_MS) await this.#verify();
    if (this.#closed !== undefined)
      throw new AppError("SERVICE_UNAVAILABLE", `mails wait for the mail server: ${this.#closed.reason}`);
  }

  /** Sends nothing more, and gives what is on its way some time to get there. Idempotent. */
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
      this.#queue.shift()?.done({ kind: "held", reply: "the mail server takes no more at a time" });
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
        this.#close(`it refuses one mail after the other: ${reply}`, false);
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
        // First in line again: it waits for its turn and not for the others'.
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
      "the mail server limits how many it takes; mails are paced",
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

  /** The server has dealt with a mail as it should. */
  #works(): void {
    this.#provenAt = performance.now();
    if (this.#closed === undefined) return;
    this.#closed = undefined;
    this.#probes = 0;
    this.#options.metrics.unusable.set({}, 0);
    this.#options.log.info({}, "the mail server takes mails again");
    this.#signalChange();
  }

  #close(reason: string, verifiable: boolean): void {
    const wasOpen = this.#closed === undefined;
    // What was under way when it closed says the same again.
    if (!wasOpen && !this.#closed?.trying) return;
    this.#closed = { reason, verifiable, trying: false };
    this.#refusals = 0;
    this.#holdAll(reason);
    if (wasOpen) {
      const { metrics, log } = this.#options;
      metrics.unusable.set({}, 1);
      metrics.errors.inc({ kind: verifiable ? "server" : "refusing" });
      log.error({ reason }, "no mail can be sent: the mail server is away or refuses us; mails wait");
    }
    void this.#probeLater();
  }

  #holdAll(reply: string): void {
    for (const errand of this.#queue.splice(0)) errand.done({ kind: "held", reply });
    this.#endDoubts("held");
    this.#signalChange();
  }

  /** Waits, then asks without a mail; where that shows nothing, one mail may try. */
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

  /** Without a mail: does the server answer and know us? Closes where it does not. */
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

/** RFC 4954: a reply to who we say we are. */
function isLogin(reason: string): boolean {
  return /\b53[458][ -]/.test(reason);
}
