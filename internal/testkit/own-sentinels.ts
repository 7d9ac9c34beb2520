// Two Redis servers and three Sentinels of a test's own, which it can kill and start again. As the local stack starts them.
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { failOverAfter, masterPort, untilMoved, untilWatched } from "../faults/redis-failover.ts";
import { type Child, startChild } from "../stack/child.ts";
import type { Definition } from "../stack/managed.ts";
import { CACHE } from "../stack/paths.ts";
import type { SecureRedis } from "../stack/secure/redis.ts";
import { redisServer } from "../stack/servers/redis.ts";
import { sentinelServer, sentinelsUrl } from "../stack/servers/sentinel.ts";
import { freePort } from "./redis-cluster.ts";

const READY_TIMEOUT_MS = 30_000;
const REDIS = ["redis", "redis-2"] as const;
const SENTINELS = ["sentinel-1", "sentinel-2", "sentinel-3"] as const;
/** How long a master may be silent. On a busy machine one that works is silent for seconds. */
const SILENCE_MS = { usual: 60_000, killed: 1_000 } as const;

interface Running {
  readonly definition: Definition;
  child: Child;
}

export class OwnSentinels implements AsyncDisposable {
  readonly #directory = join(CACHE, "tests", `sentinels-${crypto.randomUUID()}`);
  readonly #running = new Map<string, Running>();
  readonly #secure: SecureRedis | undefined;

  private constructor(secure: SecureRedis | undefined) {
    this.#secure = secure;
  }

  /** Resolves when the Sentinels could make a failover. */
  static async start(secure?: SecureRedis): Promise<OwnSentinels> {
    const own = new OwnSentinels(secure);
    mkdirSync(own.#directory, { recursive: true });
    await own.#start();
    await failOverAfter(own.sentinels, SILENCE_MS.usual);
    await own.untilWatched();
    return own;
  }

  async #start(): Promise<void> {
    const shared = { directory: this.#directory, secure: this.#secure };
    const [port, second] = [freePort(), freePort()];
    const logFile = (name: string) => join(this.#directory, `${name}.log`);
    const servers = REDIS.map((name, index) =>
      redisServer({
        ...shared,
        name,
        port: index === 0 ? port : second,
        logFile: logFile(name),
        watched: index === 0 ? { announced: port } : { announced: second, follows: port },
      }),
    );
    for (const server of servers) await this.#launch(server);
    for (const name of SENTINELS)
      await this.#launch(
        sentinelServer({ ...shared, name, port: freePort(), masterPort: port, logFile: logFile(name) }),
      );
  }

  async #launch(definition: Definition): Promise<void> {
    const child = startChild(definition);
    this.#running.set(definition.name, { definition, child });
    await child.ready(definition.probe, READY_TIMEOUT_MS);
  }

  #find(name: string): Running {
    const found = this.#running.get(name);
    if (found === undefined) throw new Error(`there is no ${name}`);
    return found;
  }

  /** The first server, whoever is the master. */
  get url(): string {
    return this.#find("redis").definition.address;
  }

  /** REDIS_SENTINELS; of secure ones, for the administrator. */
  get sentinels(): string {
    const ports = SENTINELS.map((name) => this.portOf(name));
    return sentinelsUrl(ports, this.#secure);
  }

  portOf(name: string): number {
    const { ports } = this.#find(name).definition;
    return ports["redis"] ?? ports["sentinel"] ?? 0;
  }

  /** The name of the server at that port. */
  nameOf(port: number): string {
    return REDIS.find((name) => this.portOf(name) === port) ?? "";
  }

  /** Of a master: the Sentinels then fail over, and are patient again after `untilMoved`. */
  async kill(name: string): Promise<void> {
    const { child } = this.#find(name);
    const isMaster = (await masterPort(this.sentinels)) === this.portOf(name);
    child.kill("SIGKILL");
    await child.exited;
    if (isMaster) await failOverAfter(this.sentinels, SILENCE_MS.killed);
  }

  signal(name: string, signal: "SIGSTOP" | "SIGCONT"): void {
    this.#find(name).child.kill(signal);
  }

  /** Starts it again on its port, with what it wrote down. */
  async startAgain(name: string): Promise<void> {
    await this.#launch(this.#find(name).definition);
  }

  /** Returns the port of the master. */
  untilWatched(): Promise<number> {
    return untilWatched(this.sentinels);
  }

  /** Returns the port of the new master. */
  async untilMoved(from: number): Promise<number> {
    const to = await untilMoved(this.sentinels, from);
    await failOverAfter(this.sentinels, SILENCE_MS.usual);
    return to;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { child } of this.#running.values()) child.kill("SIGKILL");
    for (const { child } of this.#running.values()) await child.exited;
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
