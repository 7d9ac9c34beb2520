// Counts the dead letters that no operator has handled, and reports the age of the oldest. Run once a minute by cmd/orchestrator, whose
// database knows what operators did, for alerts and a dashboard, and by overview.ts. Each run reads only what is new in the topic.
import type { OpenDeadLetterCount } from "../../schemas/overview.ts";
import { DEAD_LETTER_RETENTION_MS } from "../../schemas/topics.ts";
import type { Clock } from "../kernel/ports.ts";
import type { Meter } from "../kernel/telemetry.ts";
import { isDeadLetter } from "../messaging/read-dead-letter.ts";

/** The maximum of the gauge over all services. Later ones in the topic are read when some of these are handled. */
const MAX_OPEN = 100_000;

/** Where to begin in a partition that ends at `high`. */
type Start = (partition: number, span: { readonly high: number }) => number;

export interface OpenDeadLettersOptions {
  /** Reads the dead-letter topic to its present end. */
  readonly read: (from: Start) => AsyncIterable<{
    readonly values: readonly unknown[];
    /** The offset after the batch, in each of its partitions. */
    readonly next: readonly { readonly partition: number; readonly offset: number }[];
  }>;
  /** Those of these dead letters, by id, that an operator has handled. */
  readonly handled: (ids: readonly string[]) => Promise<ReadonlySet<string>>;
  readonly clock: Clock;
  /** Shows the counts as a metric. */
  readonly meter?: Pick<Meter, "gauge">;
}

export class OpenDeadLetters {
  readonly #options: OpenDeadLettersOptions;
  readonly #count: ReturnType<Meter["gauge"]> | undefined;
  readonly #oldestSeconds: ReturnType<Meter["gauge"]> | undefined;
  /** By id. */
  readonly #open = new Map<string, { readonly service: string; readonly failedAt: number }>();
  /** The offset after the last message read, by partition. */
  readonly #next = new Map<number, number>();
  readonly #services = new Set<string>();
  #reading: Promise<void> | undefined;

  constructor(options: OpenDeadLettersOptions) {
    this.#options = options;
    this.#count = options.meter?.gauge("dead_letters_open", "Dead letters that no operator has handled yet", [
      "service",
    ]);
    this.#oldestSeconds = options.meter?.gauge(
      "dead_letters_oldest_seconds",
      "Time since the last failure of the oldest dead letter that no operator has handled yet; 0: there is none",
      ["service"],
    );
  }

  async runOnce(): Promise<void> {
    for (const { service, count, oldest_seconds } of await this.count()) {
      this.#count?.set({ service }, count);
      this.#oldestSeconds?.set({ service }, oldest_seconds);
    }
  }

  /**
   * By every service that has dead letters in the topic. Callers that come during a reading wait for it, so a slow one is not started again for
   * each of them.
   */
  async count(): Promise<readonly OpenDeadLetterCount[]> {
    this.#reading ??= this.#readNew().finally(() => (this.#reading = undefined));
    await this.#reading;
    const { clock } = this.#options;
    const ids = [...this.#open.keys()];
    const handled = ids.length === 0 ? undefined : await this.#options.handled(ids);
    const expired = clock.now() - DEAD_LETTER_RETENTION_MS;
    for (const [id, { failedAt }] of this.#open)
      if (failedAt < expired || handled?.has(id)) this.#open.delete(id);
    const open = Map.groupBy(this.#open.values(), ({ service }) => service);
    return [...this.#services].map((service) => {
      const own = open.get(service) ?? [];
      const oldest = own.reduce((least, { failedAt }) => Math.min(least, failedAt), clock.now());
      return { service, count: own.length, oldest_seconds: (clock.now() - oldest) / 1_000 };
    });
  }

  async #readNew(): Promise<void> {
    // A topic that was deleted and created again ends before the place that was reached in the old one.
    const from: Start = (partition, { high }) => {
      const next = this.#next.get(partition) ?? 0;
      return next > high ? 0 : next;
    };
    for await (const batch of this.#options.read(from)) {
      if (this.#open.size >= MAX_OPEN) return;
      for (const { partition, offset } of batch.next) this.#next.set(partition, offset);
      for (const value of batch.values) {
        if (!isDeadLetter(value)) continue;
        const { dead_letter_id, service, last_failure_at } = value;
        this.#services.add(service);
        this.#open.set(dead_letter_id, { service, failedAt: Date.parse(last_failure_at) });
      }
    }
  }
}
