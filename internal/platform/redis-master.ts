// Follows the Redis master that the Sentinels name: connects to it, and to the next one after a failover. It uses a server only after the
// server has said itself that it is a master: the Sentinels' word may be old, and so may a server that returns. Used by redis.ts. See ADR 22.
import { AppError } from "../kernel/errors.ts";
import {
  CONNECT_TIMEOUT_MS,
  endClient,
  type RedisClient,
  reconnectDelayMs,
  redisClient,
} from "./redis-client.ts";
import type { RedisAddress } from "./redis-tls.ts";
import { movedTo, type SentinelsAddress } from "./sentinel-address.ts";
import { type NamedMaster, type SentinelNews, Sentinels } from "./sentinels.ts";
import { type Place, samePlaceText } from "./server-place.ts";
import { within } from "./within.ts";

/** How often the Sentinels are asked while all is well. They also tell by themselves; this is for what got lost. */
const LOOK_INTERVAL_MS = 5_000;
/** For a server to accept a connection and say what it is. On a busy machine the first reply takes seconds. */
const MEET_TIMEOUT_MS = CONNECT_TIMEOUT_MS;

export interface RedisMasterOptions {
  readonly sentinels: SentinelsAddress;
  /** User, database and encryption of the servers. Its host and port do not count. */
  readonly server: RedisAddress;
  /** Throws if the server must not be used. */
  readonly meet: (client: RedisClient) => Promise<void>;
  /** A master that was met. */
  readonly onMaster: (client: RedisClient) => void;
  /** There is none, and why. Called again after each attempt that failed. */
  readonly onLost: (error: unknown) => void;
  /** See SentinelNews. */
  readonly onRefusal: SentinelNews["onRefusal"];
}

export class RedisMaster implements Disposable {
  readonly #options: RedisMasterOptions;
  readonly #sentinels: Sentinels;
  /** Connected and met. */
  #client: RedisClient | undefined;
  /** The newest word of the Sentinels. It counts for as long as none of them answers. */
  #named: NamedMaster | null = null;
  /** Where the last attempt went, in the form for comparing: Sentinels may write one server differently. */
  #tried = "";
  #isClosed = false;
  /** Resolves if the master may be another one. */
  #news = Promise.withResolvers<void>();

  constructor(options: RedisMasterOptions) {
    this.#options = options;
    this.#sentinels = new Sentinels(options.sentinels, {
      onNews: () => this.#news.resolve(),
      onRefusal: options.onRefusal,
    });
    void this.#follow();
  }

  /** `host:port` of the master in use. */
  get place(): string | undefined {
    return this.#client === undefined ? undefined : this.#tried;
  }

  /** How many Sentinels are connected. */
  get sentinels(): number {
    return this.#sentinels.answering;
  }

  /** What the Sentinels refuse, see there. */
  get refused(): string | null {
    return this.#sentinels.refused;
  }

  /** Its answer shows that it is no master any more. */
  doubt(client: RedisClient, error: unknown): void {
    if (client === this.#client) this.#lose(error);
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#news.resolve();
    this.#client?.destroy();
    this.#client = undefined;
    this.#sentinels[Symbol.dispose]();
  }

  async #follow(): Promise<void> {
    /** Attempts at the same server since a connection lasted. */
    let attempts = 0;
    while (!this.#isClosed) {
      this.#news = Promise.withResolvers();
      if (this.#client === undefined && attempts > 0) await this.#rest(reconnectDelayMs(attempts - 1));
      // What comes from here on is newer than the answer.
      this.#news = Promise.withResolvers();
      try {
        attempts += 1;
        const master = await this.#wanted();
        if (samePlaceText(master) !== this.#tried) attempts = 1;
        else if (this.#client !== undefined) attempts = 0;
        if (attempts > 0) await this.#moveTo(master);
      } catch (error) {
        if (!this.#isClosed) this.#options.onLost(error);
        continue;
      }
      await this.#rest(LOOK_INTERVAL_MS);
    }
  }

  async #wanted(): Promise<Place> {
    const named = await this.#sentinels.master();
    if (named !== null && this.#isNews(named)) this.#named = named;
    // The last one says itself whether it is still a master.
    if (this.#named !== null) return this.#named;
    throw new AppError("REDIS_UNAVAILABLE", this.#sentinels.lastErrors);
  }

  /** Older than what is known is the word of a Sentinel that was cut off, unless most give it: then they were set up anew. */
  #isNews({ epoch, byMost }: NamedMaster): boolean {
    return this.#named === null || epoch >= this.#named.epoch || byMost;
  }

  async #moveTo(master: Place): Promise<void> {
    const place = samePlaceText(master);
    if (this.#client !== undefined)
      this.#lose(new AppError("REDIS_UNAVAILABLE", `the master is ${place} now, no longer ${this.#tried}`));
    this.#tried = place;
    const client = redisClient(movedTo(this.#options.server, master), { reconnects: false });
    client.on("error", (error: unknown) => {
      if (client === this.#client) this.#lose(error);
    });
    let isOver = false;
    try {
      const meeting = client.connect().then(() => this.#options.meet(client));
      // A server that is gone may take long to fail, and meanwhile there is another master.
      await Promise.race([within(MEET_TIMEOUT_MS, meeting), this.#untilAnother(place, () => isOver)]);
      if (this.#isClosed || !client.isReady)
        throw new AppError("REDIS_UNAVAILABLE", "the connection is gone");
    } catch (cause) {
      endClient(client);
      throw new AppError(
        "REDIS_UNAVAILABLE",
        `${place}, the master in the Sentinels' words, cannot be used`,
        {
          cause,
        },
      );
    } finally {
      isOver = true;
    }
    this.#client = client;
    this.#options.onMaster(client);
  }

  /** Throws if the Sentinels name another server than `place`. */
  async #untilAnother(place: string, isOver: () => boolean): Promise<void> {
    for (;;) {
      await this.#news.promise;
      if (isOver()) return;
      if (this.#isClosed) throw new AppError("REDIS_UNAVAILABLE", "closed");
      this.#news = Promise.withResolvers();
      const named = samePlaceText(await this.#wanted());
      // The news were taken from whoever comes next.
      if (isOver()) return this.#news.resolve();
      if (named !== place) throw new AppError("REDIS_UNAVAILABLE", `the master is ${named} now`);
    }
  }

  #lose(error: unknown): void {
    this.#client?.destroy();
    this.#client = undefined;
    this.#news.resolve();
    this.#options.onLost(error);
  }

  /** Until there is news. */
  async #rest(ms: number): Promise<void> {
    let timer: Timer | undefined;
    const over = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)));
    await Promise.race([this.#news.promise, over]);
    clearTimeout(timer);
  }
}
