// The console's one loop: asks the databases, Kafka and the roles, and keeps the newest readings for all viewers. So the load on them does not
// depend on how many people look. While nobody looks, it asks ten times more rarely. Started by cmd/console as a background loop.
import type { Sql } from "postgres";
import { DATABASES, type DatabaseName, type MigratedDatabase } from "../../schemas/migrations.ts";
import type {
  MoneyAtRisk,
  OpenDeadLetterCount,
  OutboxDepth,
  RoleState,
  SagaFlow,
  TopicState,
  WaitingMails,
} from "../../schemas/overview.ts";
import type { Clock } from "../kernel/ports.ts";
import type { FiringAlert } from "../operations/firing-alerts.ts";
import { moneyAtRisk, outboxDepth, sagaFlow, waitingMails } from "../operations/overview-store.ts";
import { findRuns, type RunRow } from "../operations/plan-store.ts";
import { askRole, type RoleAddress } from "../operations/role-state.ts";
import {
  type AlertsAtRisk,
  alertsAtRisk,
  type Flow,
  flowOfLastMinute,
  type LastHour,
  lastHour,
} from "../operations/saga-rate-store.ts";
import { type Reading, Source, type SourceOptions } from "./source.ts";

export interface CollectorOptions {
  readonly databases: Readonly<Record<MigratedDatabase, Sql>>;
  /** In the order of the page. */
  readonly roles: readonly RoleAddress[];
  readonly topics: () => Promise<readonly TopicState[]>;
  /** What fires in Alertmanager; null without one. */
  readonly firing: ((signal: AbortSignal) => Promise<readonly FiringAlert[]>) | null;
  /** Those that no operator has handled yet. */
  readonly deadLetters: () => Promise<readonly OpenDeadLetterCount[]>;
  readonly clock: Clock;
}

/** A run that goes on when a person says so. */
export type PausedRun = Pick<
  RunRow,
  "plan_id" | "kind" | "totals" | "counts" | "units_done" | "halted_because"
>;

/** What the overview shows. */
export interface Snapshot {
  readonly sagas: Reading<SagaFlow>;
  readonly flow: Reading<readonly Flow[]>;
  readonly hour: Reading<LastHour>;
  readonly money: Reading<MoneyAtRisk>;
  readonly alerts: Reading<readonly AlertsAtRisk[]>;
  readonly mails: Reading<WaitingMails>;
  readonly topics: Reading<readonly TopicState[]>;
  readonly deadLetters: Reading<readonly OpenDeadLetterCount[]>;
  /** Newest first. */
  readonly pausedRuns: Reading<readonly PausedRun[]>;
  /** Null without an Alertmanager. */
  readonly firing: Reading<readonly FiringAlert[]> | null;
  readonly outboxes: readonly { readonly database: DatabaseName; readonly reading: Reading<OutboxDepth> }[];
  readonly roles: readonly { readonly name: string; readonly reading: Reading<RoleState> }[];
}

const monotonic = () => performance.now();
const COUNTS_EVERY_MS = 1_000;
const FLOW_EVERY_MS = 3_000;
const TOPICS_EVERY_MS = 2_000;
const ROLES_EVERY_MS = 2_000;
const ROLE_TIMEOUT_MS = 2_000;
const ALERTS_EVERY_MS = 5_000;
const HOUR_EVERY_MS = 10_000;
/** Counts the decisions of each. */
const PAUSED_EVERY_MS = 5_000;
/** More are not told apart on the overview; the list of runs has them. */
const MAX_PAUSED = 5;
/** Opens a connection to Kafka each time. */
const DEAD_LETTERS_EVERY_MS = 15_000;
/** An hour of sagas at full load is 600,000 rows; a topic has to be read to its end. */
const LONG_TIMEOUT_MS = 10_000;
/** A page that opens waits this long for the first answers. */
const FRESH_MS = 1_500;

export class Collector {
  readonly #sources;
  readonly #firing: Source<readonly FiringAlert[]> | null;
  readonly #outboxes: readonly { readonly database: DatabaseName; readonly source: Source<OutboxDepth> }[];
  readonly #roles: readonly { readonly name: string; readonly source: Source<RoleState> }[];
  readonly #all: readonly Source<unknown>[];
  readonly #watchers = new Set<() => void>();
  #version = 0;

  constructor({ databases, roles, topics, deadLetters, firing, clock }: CollectorOptions) {
    const { saga, payment, notification } = databases;
    const source = <T>(read: () => Promise<T>, everyMs: number, more: Partial<SourceOptions<T>> = {}) =>
      new Source<T>({ read, everyMs, clock, monotonic, ...more });
    const isLong = { timeoutMs: LONG_TIMEOUT_MS };
    this.#sources = {
      sagas: source(() => sagaFlow(saga), COUNTS_EVERY_MS),
      flow: source<readonly Flow[]>(() => flowOfLastMinute(saga), FLOW_EVERY_MS),
      hour: source(() => lastHour(saga), HOUR_EVERY_MS, isLong),
      money: source(() => moneyAtRisk(payment), COUNTS_EVERY_MS),
      alerts: source<readonly AlertsAtRisk[]>(() => alertsAtRisk(payment), COUNTS_EVERY_MS),
      mails: source(() => waitingMails(notification), COUNTS_EVERY_MS),
      topics: source(topics, TOPICS_EVERY_MS),
      deadLetters: source(deadLetters, DEAD_LETTERS_EVERY_MS, isLong),
      pausedRuns: source<readonly PausedRun[]>(
        () => findRuns(saga, { state: "paused", before: null, limit: MAX_PAUSED }),
        PAUSED_EVERY_MS,
      ),
    };
    this.#firing =
      firing === null ? null : new Source({ read: firing, everyMs: ALERTS_EVERY_MS, clock, monotonic });
    this.#outboxes = DATABASES.map((database) => ({
      database,
      source: source(() => outboxDepth(databases[database]), COUNTS_EVERY_MS),
    }));
    this.#roles = roles.map(({ name, address }) => ({
      name,
      source: source(() => askRole(address, ROLE_TIMEOUT_MS), ROLES_EVERY_MS),
    }));
    this.#all = [
      ...Object.values(this.#sources),
      ...(this.#firing === null ? [] : [this.#firing]),
      ...this.#outboxes.map((one) => one.source),
      ...this.#roles.map((one) => one.source),
    ];
  }

  snapshot(): Snapshot {
    const { sagas, flow, hour, money, alerts, mails, topics, deadLetters, pausedRuns } = this.#sources;
    return {
      sagas: sagas.reading,
      flow: flow.reading,
      hour: hour.reading,
      money: money.reading,
      alerts: alerts.reading,
      mails: mails.reading,
      topics: topics.reading,
      deadLetters: deadLetters.reading,
      pausedRuns: pausedRuns.reading,
      firing: this.#firing?.reading ?? null,
      outboxes: this.#outboxes.map(({ database, source }) => ({ database, reading: source.reading })),
      roles: this.#roles.map(({ name, source }) => ({ name, reading: source.reading })),
    };
  }

  /** Changes with every new reading. */
  get version(): number {
    return this.#version;
  }

  /** Starts the questions that are due. For a loop that ticks several times a second; waits for no answer. */
  async runOnce(): Promise<void> {
    for (const source of this.#all) void source.askIfDue(this.#watchers.size > 0);
    const version = this.#all.reduce((sum, source) => sum + source.version, 0);
    if (version === this.#version) return;
    this.#version = version;
    for (const notify of this.#watchers) notify();
  }

  /** A snapshot with answers to all questions that were due, as far as they come within 1.5 s. */
  async fresh(): Promise<Snapshot> {
    const asked = Promise.all(this.#all.map((source) => source.askIfDue(true)));
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, FRESH_MS);
    await Promise.race([asked, late]);
    clearTimeout(timer);
    return this.snapshot();
  }

  /** Calls `notify` after new readings until the returned function is called. Somebody watches for as long. */
  watch(notify: () => void): () => void {
    // A function of its own: the same `notify` may watch twice.
    const own = () => notify();
    this.#watchers.add(own);
    return () => void this.#watchers.delete(own);
  }
}
