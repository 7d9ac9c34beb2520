// A Redis server of a test's own, which it can kill and start again on the same port. Empty after each start, like the system's.
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Child, startChild } from "../stack/child.ts";
import { CACHE } from "../stack/paths.ts";
import { freePort } from "./redis-cluster.ts";
import type { SecureRedis } from "../stack/secure/redis.ts";
import { redisServer } from "../stack/servers/redis.ts";

const READY_TIMEOUT_MS = 30_000;

export class OwnRedis implements AsyncDisposable {
  readonly #directory = join(CACHE, "tests", `redis-${crypto.randomUUID()}`);
  readonly #port = freePort();
  #address = "";
  readonly #secure: SecureRedis | undefined;
  #child: Child | undefined;

  private constructor(secure: SecureRedis | undefined) {
    this.#secure = secure;
  }

  /** With `secure` its users come over TLS, and nobody else. */
  static async start(secure?: SecureRedis): Promise<OwnRedis> {
    const redis = new OwnRedis(secure);
    mkdirSync(redis.#directory, { recursive: true });
    await redis.start();
    return redis;
  }

  get address(): string {
    return this.#address;
  }

  get port(): number {
    return this.#port;
  }

  async start(): Promise<void> {
    const logFile = join(this.#directory, "log");
    const server = redisServer({
      port: this.#port,
      directory: this.#directory,
      logFile,
      secure: this.#secure,
    });
    this.#address = server.address;
    this.#child = startChild(server);
    await this.#child.ready(server.probe, READY_TIMEOUT_MS);
  }

  async kill(): Promise<void> {
    this.#child?.kill("SIGKILL");
    await this.#child?.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
