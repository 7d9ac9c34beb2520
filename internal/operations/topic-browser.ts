// Opens a reader of a topic for one page, and closes it in any case. Few pages are read at the same time: each has a connection and a memory
// of its own. Called by the console and `checkoutctl topics read`.
import { AppError } from "../kernel/errors.ts";
import type { TopicReader } from "../kernel/ports.ts";
import { readTopicPage, type TopicPage } from "./topic-page.ts";
import type { TopicRequest } from "./topic-request.ts";

/** Messages of one page or file at most. */
export const MAX_PAGE_MESSAGES = 1_000;
/** Messages that are looked through for a page, those of other sagas included. */
const MOST_LOOKED = 20_000;
/** For connecting and reading. What is not read then is on the next page. */
const PAGE_TIMEOUT_MS = 5_000;
const AT_MOST = 4;

export interface TopicBrowserOptions {
  readonly open: (topic: string) => Promise<TopicReader & AsyncDisposable>;
  readonly atMost?: number;
  readonly timeoutMs?: number;
  readonly mostLooked?: number;
}

export class TopicBrowser {
  readonly #options: Required<TopicBrowserOptions>;
  #reading = 0;

  constructor(options: TopicBrowserOptions) {
    this.#options = { atMost: AT_MOST, timeoutMs: PAGE_TIMEOUT_MS, mostLooked: MOST_LOOKED, ...options };
  }

  /**
   * A page of at most `messages`. Stops when `left` aborts: the reader has gone. Throws AppError KAFKA_UNAVAILABLE, KAFKA_TOPIC_MISSING,
   * MESSAGE_INVALID if there is no such partition, SERVICE_UNAVAILABLE if too many read already.
   */
  async page(topic: string, request: TopicRequest, messages: number, left?: AbortSignal): Promise<TopicPage> {
    const { open, atMost, timeoutMs, mostLooked } = this.#options;
    if (this.#reading >= atMost)
      throw new AppError(
        "SERVICE_UNAVAILABLE",
        `${atMost} pages of topics are being read already, which is as many as at a time: ask again in a few seconds`,
      );
    this.#reading += 1;
    try {
      const late = AbortSignal.timeout(timeoutMs);
      const signal = left === undefined ? late : AbortSignal.any([late, left]);
      await using reader = await open(topic);
      return await readTopicPage(topic, reader, request, {
        messages: Math.min(messages, MAX_PAGE_MESSAGES),
        looked: mostLooked,
        signal,
      });
    } finally {
      this.#reading -= 1;
    }
  }
}
