// The dedup cache in Redis, behind the KeyValue port, and the connection for other uses. It may be slow, paused, empty or down; only
// the metrics show it. Every call returns within `timeoutMs`. After a failure no call is sent until a background ping succeeds, so a dead Redis costs the message
// processor nothing. With Sentinels it is whichever server is the master. Opened in a role's main.ts.
import { ErrorReply } from "redis";
import { AppError, describeError } from "../kernel/errors.ts";
import { Denial } from "../messaging/access-denied.ts";
import type { KeyValue } from "../kernel/ports.ts";
import type { Log } from "../kernel/telemetry.ts";
import type { Metrics } from "./metrics.ts";
import { endClient, type RedisClient, redisClient } from "./redis-client.ts";
import { RedisMaster } from "./redis-master.ts";
import { isDemotion, meetServer } from "./redis-meet.ts";
import { type RedisAddress, redisAddress } from "./redis-tls.ts";
import { redisPlace, sentinelsAddress } from "./sentinel-address.ts";
import { refusalInWords } from "./sentinels.ts";
import { within } from "./within.ts";

const DEFAULT_TIMEOUT_MS = 50;
const PROBE_INTERVAL_MS = 1_000;
/** After a command that the user may not send. A ping succeeds, so a look each second would call Redis up and down in turn. */
const REFUSED_INTERVAL_MS = 30_000;
/** How long a refusal counts: longer than the pause before the next look. */
const DENIED_FOR_MS = 2 * REFUSED_INTERVAL_MS;
/**
 * How long a new connection may take to show what server it leads to. A role that starts waits for it: it must not run on a cluster node,
 * and on a busy machine the first reply takes seconds.
 */
const FIRST_REPLY_TIMEOUT_MS = 5_000;
/** Keys per command. Keeps one command below 1 ms of the server's single thread. */
const KEYS_PER_COMMAND = 1_000;

export interface RedisOptions {
  readonly url: string;
  /** The setting REDIS_SENTINELS: they say where the master is, instead of host and port of `url`. */
  readonly sentinels?: string | undefined;
  /** Maximum duration of a call, in milliseconds. */
  readonly timeoutMs?: number;
  readonly log: Pick<Log, "info" | "warn">;
  readonly metrics?: Metrics;
}

/** Where Redis is, of a role with `redisConfig`. */
export function redisOf(env: {
  readonly REDIS_URL: string;
  readonly REDIS_SENTINELS?: string;
}): Pick<RedisOptions, "url" | "sentinels"> {
  return { url: env.REDIS_URL, sentinels: env.REDIS_SENTINELS };
}

/** Connects in the background. Throws CONFIG_INVALID only for addresses and certificate files that cannot be used. */
export function openRedis(options: RedisOptions): Redis {
  return new Redis(options);
}

export class Redis implements KeyValue, AsyncDisposable {
  /** With Sentinels, undefined while there is no master. */
  #client: RedisClient | undefined;
  /** Only with Sentinels. */
  readonly #master: RedisMaster | undefined;
  readonly #url: string;
  readonly #timeoutMs: number;
  readonly #log: RedisOptions["log"];
  readonly #onFailure: (operation: string) => void;
  #isUp = false;
  #lastError = "not connected yet";
  #probe: Timer | undefined;
  #isClosed = false;
  /** Whether the server of the current connection was met, and may be used. */
  #isMet = false;
  /** Why it may not. */
  #rejected: AppError | undefined;
  /** Why nobody knows whether it is a master. */
  #uncertain: string | null = null;
  readonly #firstVerdict = Promise.withResolvers<void>();
  readonly #denial = new Denial(DENIED_FOR_MS, () => performance.now());

  constructor({ url, sentinels, timeoutMs = DEFAULT_TIMEOUT_MS, log, metrics }: RedisOptions) {
    this.#url = url;
    this.#timeoutMs = timeoutMs;
    this.#log = log;
    const failures = metrics?.counter("redis_failures_total", "Calls to Redis that failed or were skipped.", [
      "operation",
    ]);
    this.#onFailure = (operation) => failures?.inc({ operation });
    if (metrics !== undefined) this.#register(metrics);
    const server = redisAddress(url);
    if (sentinels === undefined) this.#connect(server);
    else
      this.#master = new RedisMaster({
        sentinels: sentinelsAddress(sentinels),
        server,
        meet: (client) => this.#meet(client),
        onMaster: (client) => {
          this.#client = client;
          this.#isMet = true;
          this.#up();
        },
        onLost: (error) => {
          this.#client = undefined;
          this.#down(error);
        },
        onRefusal: (place, refused) => {
          if (refused === null) log.info({}, `the Sentinel ${place} says again when the master moves`);
          else log.warn({}, refusalInWords(place, refused));
        },
      });
  }

  #register(metrics: Metrics): void {
    metrics.gauge("redis_up", "1 while Redis answers.", [], () => (this.#isUp ? 1 : 0));
    metrics.gauge(
      "redis_server",
      "1 for the address of the Redis server in use: the one of REDIS_URL, or the master that the Sentinels name.",
      ["address"],
      () => (this.#isUp ? [[{ address: this.place }, 1]] : []),
    );
    metrics.gauge(
      "redis_sentinels",
      "Sentinels of REDIS_SENTINELS to which this process is connected.",
      [],
      () => this.#master?.sentinels ?? 0,
    );
  }

  /** The server of the URL. The client reconnects by itself. */
  #connect(server: RedisAddress): void {
    const client = redisClient(server);
    this.#client = client;
    client.on("error", (error: unknown) => this.#down(error));
    client.on("ready", () => {
      this.#isMet = false;
      void this.#ping();
    });
    // Resolves with the first connection. Until then the client retries and reports through "error".
    client.connect().catch((error: unknown) => this.#down(error));
  }

  /** `host:port` of the server in use, in the form for comparing; with Sentinels, "no master" while there is none. */
  get place(): string {
    if (this.#master !== undefined) return this.#master.place ?? "no master";
    return redisPlace(this.#url);
  }

  async present(keys: readonly string[]): Promise<readonly boolean[]> {
    if (keys.length === 0) return [];
    const replies = await this.#try("present", (client) =>
      Promise.all(chunks(keys).map((chunk) => client.mGet(chunk))),
    );
    return replies === null ? keys.map(() => false) : replies.flat().map((value) => value !== null);
  }

  async remember(keys: readonly string[], ttlSeconds: number): Promise<void> {
    if (keys.length === 0) return;
    await this.#try("remember", (client) =>
      Promise.all(chunks(keys).map((chunk) => client.remember(chunk, ttlSeconds))),
    );
  }

  /** Whether a call is worth a try. */
  get isUp(): boolean {
    return this.#isUp;
  }

  /** Throws REDIS_UNAVAILABLE if Redis is down, fails, or is too slow. `operation` is a label of a metric: a constant. */
  async run<T>(operation: string, call: (client: RedisClient) => Promise<T>): Promise<T> {
    const done = await this.#try(operation, async (client) => ({ value: await call(client) }));
    if (done === null) throw this.#unavailable();
    return done.value;
  }

  /** Throws REDIS_UNAVAILABLE while Redis is down. Informational: no role needs Redis to be ready. */
  async ready(): Promise<void> {
    if (!this.#isUp) throw this.#unavailable();
  }

  /** What the user of this process may not do in Redis, if something was refused lately; null otherwise. */
  denied(): string | null {
    return this.#denial.reason;
  }

  /** Why it is not known whether the server in use is a master; null if it is one. */
  get uncertain(): string | null {
    return this.#uncertain;
  }

  /** What the Sentinels refuse, and the way out; null without Sentinels. */
  sentinelsDenied(): string | null {
    return this.#master?.refused ?? null;
  }

  /**
   * For the start of a role. Throws CONFIG_INVALID if the URL points to a cluster node, which rejects a command with keys of
   * several nodes. Returns if Redis does not answer: the role works without it.
   */
  async requireSingleServer(): Promise<void> {
    // A limit of its own: a server that hangs fails only after the socket timeout.
    await within(FIRST_REPLY_TIMEOUT_MS, this.#firstVerdict.promise).catch((error: unknown) =>
      this.#down(error),
    );
    if (this.#rejected?.code === "CONFIG_INVALID") throw this.#rejected;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#firstVerdict.resolve();
    clearTimeout(this.#probe);
    this.#master?.[Symbol.dispose]();
    if (this.#client !== undefined) endClient(this.#client);
  }

  #unavailable(): AppError {
    return new AppError("REDIS_UNAVAILABLE", `Redis does not answer: ${this.#lastError}`);
  }

  /** Null if Redis is down, fails, or is too slow. A late reply is dropped. */
  async #try<T>(operation: string, call: (client: RedisClient) => Promise<T>): Promise<T | null> {
    const client = this.#client;
    if (!this.#isUp || client === undefined) {
      this.#onFailure(operation);
      return null;
    }
    try {
      return await within(this.#timeoutMs, call(client));
    } catch (error) {
      this.#onFailure(operation);
      // Of a server that was replaced meanwhile it says nothing about the new one.
      if (client === this.#client) this.#failed(client, error);
      return null;
    }
  }

  #failed(client: RedisClient, error: unknown): void {
    if (isRefusal(error))
      this.#denial.note(
        `${describeError(error)}: \`checkoutctl grants redis\` prints the rights of each role's user`,
      );
    // A demoted server answers pings and reads.
    if (isDemotion(error)) {
      this.#isMet = false;
      this.#master?.doubt(client, error);
    }
    this.#down(error);
  }

  #up(): void {
    clearTimeout(this.#probe);
    this.#probe = undefined;
    this.#firstVerdict.resolve();
    if (this.#isUp || this.#isClosed) return;
    this.#isUp = true;
    this.#log.info(
      {},
      this.#master === undefined ? "Redis answers" : `Redis answers: ${this.place} is the master`,
    );
  }

  #down(error: unknown): void {
    this.#lastError = describeError(error);
    this.#firstVerdict.resolve();
    if (this.#isClosed) return;
    if (this.#isUp)
      this.#log.warn({ err: error }, `Redis is skipped until it answers again: ${this.#lastError}`);
    this.#isUp = false;
    // Without a client the follower of the Sentinels looks for one.
    if (this.#client === undefined) return;
    const waitMs = isRefusal(error) ? REFUSED_INTERVAL_MS : PROBE_INTERVAL_MS;
    this.#probe ??= setTimeout(() => void this.#ping(), waitMs);
  }

  /** For a new connection, and for a Redis that hangs on an open one. The client reconnects a lost one and then emits "ready". */
  async #ping(): Promise<void> {
    clearTimeout(this.#probe);
    this.#probe = undefined;
    const client = this.#client;
    if (client === undefined) return;
    try {
      if (this.#isMet) await within(this.#timeoutMs, client.ping());
      else await within(FIRST_REPLY_TIMEOUT_MS, this.#meet(client));
      if (client === this.#client) this.#up();
    } catch (error) {
      if (client === this.#client) this.#down(error);
    }
  }

  /** Throws what `meetServer` throws, and says it once. */
  async #meet(client: RedisClient): Promise<void> {
    try {
      const uncertain = await meetServer(client);
      this.#isMet = true;
      this.#rejected = undefined;
      if (uncertain !== null && uncertain !== this.#uncertain)
        this.#log.warn({}, `${uncertain}: it is used, and left when it refuses a write`);
      this.#uncertain = uncertain;
    } catch (error) {
      if (error instanceof AppError) {
        if (this.#rejected?.message !== error.message)
          this.#log.warn({}, `Redis is not used: ${error.message}`);
        this.#rejected = error;
      }
      throw error;
    }
  }
}

/** The user exists and may not do this: its rights are those of another version, or of another role. */
function isRefusal(error: unknown): boolean {
  return error instanceof ErrorReply && error.message.startsWith("NOPERM");
}

function chunks(keys: readonly string[]): string[][] {
  const count = Math.ceil(keys.length / KEYS_PER_COMMAND);
  return Array.from({ length: count }, (_, index) =>
    keys.slice(index * KEYS_PER_COMMAND, (index + 1) * KEYS_PER_COMMAND),
  );
}
