// The Sentinels of one master: a connection to each, on which they are asked where the master is and say when it moves. Used by
// redis-master.ts. Not the Sentinel client of the `redis` package, see ADR 22.
import { createClient } from "redis";
import { describeError } from "../kernel/errors.ts";
import { connectionOptions, endClient } from "./redis-client.ts";
import type { Place, SentinelsAddress } from "./sentinel-address.ts";
import { within } from "./within.ts";

/** One that hangs delays the others' answer by this time. */
const ASK_TIMEOUT_MS = 300;
/** At first it has to connect. */
const FIRST_TIMEOUT_MS = 2_000;
/** Published by a Sentinel when it knows of a new master: `NAME OLD-HOST OLD-PORT NEW-HOST NEW-PORT`. */
const MOVED = "+switch-master";

type SentinelClient = ReturnType<typeof sentinelClient>;

interface Node {
  readonly place: string;
  readonly client: SentinelClient;
  /** Resolves when the first attempt to connect is over. */
  readonly tried: Promise<void>;
  /** Why it does not help, for people. */
  trouble: string;
}

interface Answer extends Place {
  /** Grows with each failover, so the highest is the newest. */
  readonly epoch: number;
}

export interface NamedMaster extends Answer {
  /** Whether more than half of the Sentinels answered. */
  readonly byMost: boolean;
}

export class Sentinels implements Disposable {
  readonly #name: string;
  readonly #nodes: readonly Node[];
  #askTimeoutMs = FIRST_TIMEOUT_MS;

  /** Connects in the background and never fails. `onNews`: the master may be another one now. */
  constructor({ name, nodes }: SentinelsAddress, onNews: () => void) {
    this.#name = name;
    this.#nodes = nodes.map(({ place, address }) => {
      const client = sentinelClient(address);
      const { promise: tried, resolve } = Promise.withResolvers<void>();
      const node: Node = { place, client, tried, trouble: "not connected yet" };
      client.on("error", (error: unknown) => {
        node.trouble = describeError(error);
        resolve();
      });
      client.on("ready", () => {
        resolve();
        // What it said while it was away is lost.
        onNews();
      });
      void this.#listen(node, onNews);
      return node;
    });
  }

  async #listen(node: Node, onNews: () => void): Promise<void> {
    try {
      // Resolves with the first connection. From then on the client subscribes anew after each reconnection.
      await node.client.connect();
      await node.client.subscribe(MOVED, (message) => {
        if (message.startsWith(`${this.#name} `)) onNews();
      });
    } catch (error) {
      // It may still be asked.
      node.trouble = describeError(error);
    }
  }

  /** How many are connected. */
  get answering(): number {
    return this.#nodes.filter(({ client }) => client.isReady).length;
  }

  /** Why none says where the master is. */
  get trouble(): string {
    const all = this.#nodes.map(({ place, trouble }) => `${place}: ${trouble}`).join("; ");
    return `no Sentinel says where the master ${this.#name} is (${all})`;
  }

  /**
   * Where the master is, as the newest knowledge of those that answer says: after a failover the others learn of it up to two seconds
   * later, and one that is cut off does not. Null if none knows.
   */
  async master(): Promise<NamedMaster | null> {
    const answers = await Promise.all(this.#nodes.map((node) => this.#ask(node)));
    this.#askTimeoutMs = ASK_TIMEOUT_MS;
    const known = answers.filter((answer) => answer !== null);
    const [newest] = known.toSorted((one, other) => other.epoch - one.epoch);
    return newest === undefined ? null : { ...newest, byMost: 2 * known.length > this.#nodes.length };
  }

  async #ask(node: Node): Promise<Answer | null> {
    const { client, tried } = node;
    const ask = async (what: string) => await client.sendCommand(["SENTINEL", what, this.#name]);
    try {
      // During a failover only the first knows the new address already, and only the second the number of the failover.
      const replies = tried.then(() => Promise.all([ask("GET-MASTER-ADDR-BY-NAME"), ask("MASTER")]));
      const [address, master] = await within(this.#askTimeoutMs, replies);
      return answerOf(address, sentinelFields(master));
    } catch (error) {
      // Without a connection the error of the last attempt says more.
      if (client.isReady) node.trouble = describeError(error);
      return null;
    }
  }

  [Symbol.dispose](): void {
    for (const { client } of this.#nodes) endClient(client);
  }
}

function sentinelClient(address: SentinelsAddress["nodes"][number]["address"]) {
  return createClient(connectionOptions(address));
}

/** Null without an address. */
function answerOf(address: unknown, fields: Readonly<Record<string, string>>): Answer | null {
  const [host, port]: unknown[] = Array.isArray(address) ? address : [];
  if (typeof host !== "string") return null;
  return { host, port: Number(port), epoch: Number(fields["config-epoch"] ?? 0) };
}

/** The fields of an answer that is a map, or a list of names and values. */
export function sentinelFields(reply: unknown): Readonly<Record<string, string>> {
  const pairs: (readonly [unknown, unknown])[] = [];
  if (reply instanceof Map) pairs.push(...reply);
  else if (Array.isArray(reply))
    for (let index = 0; index + 1 < reply.length; index += 2) pairs.push([reply[index], reply[index + 1]]);
  else if (typeof reply === "object" && reply !== null) pairs.push(...Object.entries(reply));
  return Object.fromEntries(pairs.map(([name, value]) => [String(name), String(value)]));
}
