// The dedup cache in Redis, behind the KeyValue port, and the connection for other uses. It may be slow, paused, empty or down; only
// the metrics show it. Every call returns within `timeoutMs`. After a failure no call is sent until a background ping succeeds, so a dead Redis costs the message
// processor nothing. Opened in a role's main.ts.
import { createClient, defineScript, ErrorReply } from "redis";
import { cappedBackoff, withJitter } from "../kernel/backoff.ts";
import { AppError, describeError } from "../kernel/errors.ts";
import type { KeyValue } from "../kernel/ports.ts";
import type { Log } from "../kernel/telemetry.ts";
import { limitScripts } from "./limit-scripts.ts";
import type { Metrics } from "./metrics.ts";
import { redisAddress } from "./redis-tls.ts";

const DEFAULT_TIMEOUT_MS = 50;
const PROBE_INTERVAL_MS = 1_000;
/** After a command that the user may not send. A ping succeeds, so a look each second would call Redis up and down in turn. */
const REFUSED_INTERVAL_MS = 30_000;
const CONNECT_TIMEOUT_MS = 2_000;
/** A role that starts waits this long to learn whether Redis is a cluster node. On a busy machine the first reply takes seconds. */
const FIRST_REPLY_TIMEOUT_MS = 5_000;
const RECONNECT_FIRST_MS = 50;
const RECONNECT_CAP_MS = 2_000;
/** A connection without any reply, pings included, is dropped and reconnected: the address may have moved. */
const PING_INTERVAL_MS = 5_000;
const SOCKET_TIMEOUT_MS = 15_000;
/** Keys per command. Keeps one command below 1 ms of the server's single thread. */
const KEYS_PER_COMMAND = 1_000;

const IS_CLUSTER =
  "REDIS_URL points to a node of a Redis Cluster: set it to a single server, which may be behind Sentinel or a proxy, so that all keys are on one server";

export interface RedisOptions {
  readonly url: string;
  /** Maximum duration of a call, in milliseconds. */
  readonly timeoutMs?: number;
  readonly log: Pick<Log, "info" | "warn">;
  readonly metrics?: Metrics;
}

export type RedisClient = ReturnType<typeof connect>;

/** Connects in the background and never fails. */
export function openRedis(options: RedisOptions): Redis {
  return new Redis(options);
}

export class Redis implements KeyValue, AsyncDisposable {
  readonly #client: RedisClient;
  readonly #timeoutMs: number;
  readonly #log: RedisOptions["log"];
  readonly #onFailure: (operation: string) => void;
  #isUp = false;
  #lastError = "not connected yet";
  #probe: Timer | undefined;
  #isClosed = false;
  /** Whether the current connection was checked and is not a cluster node. */
  #isMet = false;
  #isCluster = false;
  readonly #firstVerdict = Promise.withResolvers<void>();

  constructor(options: RedisOptions) {
    this.#timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    this.#log = options.log;
    const failures = options.metrics?.counter(
      "redis_failures_total",
      "Calls to Redis that failed or were skipped.",
      ["operation"],
    );
    this.#onFailure = (operation) => failures?.inc({ operation });
    options.metrics?.gauge("redis_up", "1 while Redis answers.", [], () => (this.#isUp ? 1 : 0));
    this.#client = connect(options.url);
    this.#client.on("error", (error: unknown) => this.#down(error));
    this.#client.on("ready", () => {
      this.#isMet = false;
      void this.#ping();
    });
    // Resolves with the first connection. Until then the client retries and reports through "error".
    this.#client.connect().catch((error: unknown) => this.#down(error));
  }

  async present(keys: readonly string[]): Promise<readonly boolean[]> {
    if (keys.length === 0) return [];
    const replies = await this.#try("present", () =>
      Promise.all(chunks(keys).map((chunk) => this.#client.mGet(chunk))),
    );
    return replies === null ? keys.map(() => false) : replies.flat().map((value) => value !== null);
  }

  async remember(keys: readonly string[], ttlSeconds: number): Promise<void> {
    if (keys.length === 0) return;
    await this.#try("remember", () =>
      Promise.all(chunks(keys).map((chunk) => this.#client.remember(chunk, ttlSeconds))),
    );
  }

  /** Whether a call is worth a try. */
  get isUp(): boolean {
    return this.#isUp;
  }

  /** Throws REDIS_UNAVAILABLE if Redis is down, fails, or is too slow. `operation` is a label of a metric: a constant. */
  async run<T>(operation: string, call: (client: RedisClient) => Promise<T>): Promise<T> {
    const done = await this.#try(operation, async () => ({ value: await call(this.#client) }));
    if (done === null) throw this.#unavailable();
    return done.value;
  }

  /** Throws REDIS_UNAVAILABLE while Redis is down. Informational: no role needs Redis to be ready. */
  async ready(): Promise<void> {
    if (!this.#isUp) throw this.#unavailable();
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
    if (this.#isCluster) throw new AppError("CONFIG_INVALID", IS_CLUSTER);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#firstVerdict.resolve();
    clearTimeout(this.#probe);
    this.#client.destroy();
  }

  #unavailable(): AppError {
    return new AppError("REDIS_UNAVAILABLE", `Redis does not answer: ${this.#lastError}`);
  }

  /** Null if Redis is down, fails, or is too slow. A late reply is dropped. */
  async #try<T>(operation: string, call: () => Promise<T>): Promise<T | null> {
    if (!this.#isUp) {
      this.#onFailure(operation);
      return null;
    }
    try {
      return await within(this.#timeoutMs, call());
    } catch (error) {
      this.#onFailure(operation);
      this.#down(error);
      return null;
    }
  }

  #up(): void {
    clearTimeout(this.#probe);
    this.#probe = undefined;
    this.#firstVerdict.resolve();
    if (this.#isUp) return;
    this.#isUp = true;
    this.#log.info({}, "Redis answers");
  }

  #down(error: unknown): void {
    this.#lastError = describeError(error);
    this.#firstVerdict.resolve();
    if (this.#isClosed) return;
    if (this.#isUp)
      this.#log.warn({ err: error }, `Redis is skipped until it answers again: ${this.#lastError}`);
    this.#isUp = false;
    const waitMs = isRefusal(error) ? REFUSED_INTERVAL_MS : PROBE_INTERVAL_MS;
    this.#probe ??= setTimeout(() => void this.#ping(), waitMs);
  }

  /** For a new connection, and for a Redis that hangs on an open one. The client reconnects a lost one and then emits "ready". */
  async #ping(): Promise<void> {
    clearTimeout(this.#probe);
    this.#probe = undefined;
    try {
      await within<unknown>(this.#timeoutMs, this.#isMet ? this.#client.ping() : this.#meet());
      this.#up();
    } catch (error) {
      this.#down(error);
    }
  }

  async #meet(): Promise<void> {
    const info = await this.#client.info("cluster").catch((error: unknown) => {
      // INFO may be forbidden; then assume the usual case, no cluster.
      if (error instanceof ErrorReply) return "";
      throw error;
    });
    const wasCluster = this.#isCluster;
    this.#isCluster = /^cluster_enabled:1/m.test(info);
    if (!this.#isCluster) {
      this.#isMet = true;
      return;
    }
    if (!wasCluster) this.#log.warn({}, `Redis is not used: ${IS_CLUSTER}`);
    throw new AppError("CONFIG_INVALID", IS_CLUSTER);
  }
}

/** The user exists and may not do this: its rights are those of another version, or of another role. */
function isRefusal(error: unknown): boolean {
  return error instanceof ErrorReply && error.message.startsWith("NOPERM");
}

function connect(address: string) {
  const { url, tls } = redisAddress(address);
  return createClient({
    url,
    // CLIENT SETINFO says the client's version. It is of no use here, and one more right that a role would need.
    disableClientInfo: true,
    // Without a connection a command fails at once. A queued command would run after its caller has timed out.
    disableOfflineQueue: true,
    // `within` limits every call. The client's own limit is an abort signal per command, whose timer stays for five seconds.
    commandOptions: { timeout: 0 },
    pingInterval: PING_INTERVAL_MS,
    socket: {
      ...tls,
      connectTimeout: CONNECT_TIMEOUT_MS,
      socketTimeout: SOCKET_TIMEOUT_MS,
      reconnectStrategy: (retries) =>
        withJitter(cappedBackoff(retries, RECONNECT_FIRST_MS, RECONNECT_CAP_MS), Math.random()),
    },
    scripts: { remember: rememberScript, ...limitScripts },
  });
}

/** Many `set key 1 ex ttl` in one command, because a client's cost is per command, not per key. */
const rememberScript = defineScript({
  SCRIPT: `for i = 1, #KEYS do redis.call("set", KEYS[i], "1", "ex", ARGV[1]) end`,
  parseCommand(parser, keys: string[], ttlSeconds: number) {
    parser.pushKeysLength(keys);
    parser.push(String(ttlSeconds));
  },
  transformReply: (): null => null,
});

function chunks(keys: readonly string[]): string[][] {
  const count = Math.ceil(keys.length / KEYS_PER_COMMAND);
  return Array.from({ length: count }, (_, index) =>
    keys.slice(index * KEYS_PER_COMMAND, (index + 1) * KEYS_PER_COMMAND),
  );
}

async function within<T>(timeoutMs: number, work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
