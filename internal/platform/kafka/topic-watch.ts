// Notices that a topic was deleted and made anew under a living consumer. librdkafka goes by names: it would go on at the old
// position in the new topic and pass over all that lies before it. Kafka gives each topic an id of its own, so that is asked for
// now and then. Used by consumer.ts.

import { kafka } from "./addon.ts";

/** One question to a broker; so long may messages of a topic made anew wait to be read. */
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

  /** `handle` is that of a connected client, which must stay open until `settled`. */
  constructor(
    handle: number,
    topics: readonly string[],
    /** Hears of each id that was not known before. */
    onKnown: (topic: string, id: string) => void,
    intervalMs = DEFAULT_INTERVAL_MS,
  ) {
    this.#handle = handle;
    this.#topics = topics;
    this.#onKnown = onKnown;
    this.#intervalMs = intervalMs;
  }

  /** Looks, in the background, when it is time. Returns the topics that were found to be new ones since the last call. */
  remade(): readonly string[] {
    const now = performance.now();
    if (this.#looking === undefined && now - this.#lookedAt >= this.#intervalMs) {
      this.#lookedAt = now;
      this.#looking = this.#look().finally(() => (this.#looking = undefined));
    }
    return this.#remade.splice(0);
  }

  /** Resolves when no question is out. */
  async settled(): Promise<void> {
    await this.#looking;
  }

  /** Without an answer nothing is known; the next look asks again. */
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
