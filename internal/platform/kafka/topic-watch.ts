// Detects that a topic was deleted and recreated under a running consumer. librdkafka identifies topics by name: it would continue
// at the old offset in the new topic and skip all messages before it. Kafka gives each topic its own id, so this checks the ids
// from time to time. Used by consumer.ts.

import { kafka } from "./addon.ts";

/** Costs one request per interval. Messages in a recreated topic may wait this long to be read. */
const DEFAULT_INTERVAL_MS = 10_000;
const ANSWER_TIMEOUT_MS = 3_000;

export class TopicWatch {
  readonly #handle: number;
  readonly #topics: readonly string[];
  readonly #intervalMs: number;
  readonly #onKnown: (topic: string, id: string) => void;
  readonly #ids = new Map<string, string>();
  #remade: string[] = [];
  #looking: Promise<void> | undefined;
  #lookedAt = Number.NEGATIVE_INFINITY;

  /** `handle` belongs to a connected client, which must stay open until `settled`. */
  constructor(
    handle: number,
    topics: readonly string[],
    /** Called with each new id. */
    onKnown: (topic: string, id: string) => void,
    intervalMs = DEFAULT_INTERVAL_MS,
  ) {
    this.#handle = handle;
    this.#topics = topics;
    this.#onKnown = onKnown;
    this.#intervalMs = intervalMs;
  }

  /** Checks in the background when it is time. Returns the topics that were found recreated since the last call. */
  remade(): readonly string[] {
    const now = performance.now();
    if (this.#looking === undefined && now - this.#lookedAt >= this.#intervalMs) {
      this.#lookedAt = now;
      this.#looking = this.#look().finally(() => (this.#looking = undefined));
    }
    return this.#remade.splice(0);
  }

  /** Resolves when no request is in flight. */
  async settled(): Promise<void> {
    await this.#looking;
  }

  /** Without an answer nothing changes; the next check asks again. */
  async #look(): Promise<void> {
    const answer = await kafka().addon.topicIds(this.#handle, this.#topics, ANSWER_TIMEOUT_MS);
    for (const [topic, , id] of answer.rows) {
      const known = this.#ids.get(topic);
      this.#ids.set(topic, id);
      if (known === id) continue;
      this.#onKnown(topic, id);
      if (known !== undefined) this.#remade.push(topic);
    }
  }
}
