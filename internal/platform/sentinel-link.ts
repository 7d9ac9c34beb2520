// The connection to one Sentinel: it is made again after a loss, and over it the Sentinel says when the master moves. A Sentinel may refuse the
// subscription (its user lacks a right) and still answer questions, so the two are kept apart: the client of the `redis` package (6.3.1) would give up
// a connection whose second subscription is refused, and would never repeat a first one. Used by sentinels.ts.
import { createClient, ErrorReply } from "redis";
import { cappedBackoff, withJitter } from "../kernel/backoff.ts";
import { describeError } from "../kernel/errors.ts";
import { connectionOptions, endClient, reconnectDelayMs } from "./redis-client.ts";
import type { RedisAddress } from "./redis-tls.ts";
import { within } from "./within.ts";

/** Published by a Sentinel when it knows of a new master: `NAME OLD-HOST OLD-PORT NEW-HOST NEW-PORT`. */
const MOVED = "+switch-master";
/** A right comes back only by an operator's hand. */
const REFUSED_FIRST_MS = 500;
const REFUSED_CAP_MS = 30_000;
/** A connection that lasted less counts as one more failure: a server that accepts and closes at once gets no storm of connections. */
const LASTED_MS = 2_000;

export interface SentinelLinkOptions {
  readonly place: string;
  readonly address: RedisAddress;
  /** Connected, or subscribed at last: what it said before is lost. */
  readonly onReady: () => void;
  /** A message about any master. */
  readonly onMoved: (message: string) => void;
  /** What it refuses has changed; see `refused`. */
  readonly onRefusal: (refused: string | null) => void;
}

type SentinelClient = ReturnType<typeof sentinelClient>;

export class SentinelLink implements Disposable {
  readonly #options: SentinelLinkOptions;
  readonly #firstTry = Promise.withResolvers<void>();
  readonly #closed = Promise.withResolvers<void>();
  #isClosed = false;
  #client: SentinelClient | undefined;
  #lastError = "not connected yet";
  #refused: string | null = null;

  /** Connects in the background and never fails. */
  constructor(options: SentinelLinkOptions) {
    this.#options = options;
    void this.#keepConnected();
  }

  get place(): string {
    return this.#options.place;
  }

  get isConnected(): boolean {
    return this.#client?.isReady === true;
  }

  /** Why it does not help, for people. */
  get lastError(): string {
    return this.#lastError;
  }

  /** Why it does not say when the master moves, if it refuses that; null otherwise, and while it is away. */
  get refused(): string | null {
    return this.isConnected ? this.#refused : null;
  }

  /** The answers. Waits for the first attempt to connect. Throws what the client throws, after `timeoutMs`, and without a connection. */
  async ask(commands: readonly (readonly string[])[], timeoutMs: number): Promise<readonly unknown[]> {
    try {
      return await within(
        timeoutMs,
        this.#firstTry.promise.then(() => this.#sendEach(commands)),
      );
    } catch (error) {
      // Without a connection the error of the last attempt says more.
      if (this.isConnected) this.#lastError = describeError(error);
      throw error;
    }
  }

  async #sendEach(commands: readonly (readonly string[])[]): Promise<readonly unknown[]> {
    const client = this.#client;
    if (client === undefined) throw new Error(this.#lastError);
    return await Promise.all(commands.map((command) => client.sendCommand(command)));
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#closed.resolve();
    this.#firstTry.resolve();
    if (this.#client !== undefined) endClient(this.#client);
  }

  async #keepConnected(): Promise<void> {
    let failures = 0;
    while (!this.#isClosed) {
      failures = (await this.#connectOnce()) > LASTED_MS ? 0 : failures + 1;
      await this.#rest(reconnectDelayMs(failures));
    }
  }

  /** Resolves when the connection is gone, with the time that it lasted. */
  async #connectOnce(): Promise<number> {
    const client = sentinelClient(this.#options.address);
    const gone = Promise.withResolvers<void>();
    client.on("error", (error: unknown) => {
      this.#lastError = describeError(error);
      if (!client.isReady) gone.resolve();
    });
    this.#client = client;
    let readyAt = Number.NaN;
    try {
      await client.connect();
      readyAt = performance.now();
      this.#firstTry.resolve();
      this.#options.onReady();
      await Promise.race([this.#subscribe(client), gone.promise]);
      await Promise.race([gone.promise, this.#closed.promise]);
    } catch (error) {
      this.#lastError = describeError(error);
    } finally {
      this.#firstTry.resolve();
      endClient(client);
    }
    return performance.now() - readyAt;
  }

  /** Until it is accepted, or the connection is gone. */
  async #subscribe(client: SentinelClient): Promise<void> {
    for (let refusals = 0; client.isReady; refusals += 1) {
      try {
        await client.subscribe(MOVED, this.#options.onMoved);
        if (refusals > 0) this.#options.onReady();
        return this.#setRefused(null);
      } catch (error) {
        this.#lastError = describeError(error);
        if (error instanceof ErrorReply) this.#setRefused(this.#lastError);
      }
      await this.#rest(withJitter(cappedBackoff(refusals, REFUSED_FIRST_MS, REFUSED_CAP_MS), Math.random()));
    }
  }

  #setRefused(refused: string | null): void {
    const isNews = (refused === null) !== (this.#refused === null);
    this.#refused = refused;
    if (isNews) this.#options.onRefusal(refused);
  }

  /** Shorter if it is closed. */
  async #rest(ms: number): Promise<void> {
    let timer: Timer | undefined;
    const over = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)));
    await Promise.race([over, this.#closed.promise]);
    clearTimeout(timer);
  }
}

function sentinelClient(address: RedisAddress) {
  return createClient(connectionOptions(address, { reconnects: false }));
}
