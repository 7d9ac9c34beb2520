// The cost of the orders for Kafka: requests by kind, messages and bytes from the brokers' counters (JMX), and the size of the topic
// logs on disk. Read before and after a run, when the system is idle. The reading Java process starts before the measurement and
// sleeps in between.
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { ProcessGroup } from "../processes.ts";

const PATIENCE_MS = 30_000;

/** Counters of all brokers since their start. */
export interface BrokerCounters {
  /** By kind: Produce, Fetch, OffsetCommit and so on. Empty if the brokers could not be read. */
  readonly requests: Readonly<Record<string, number>>;
  readonly messagesIn: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Size of all topic logs, including replicas. */
  readonly logBytes: number;
}

export class BrokerWatch implements Disposable {
  readonly #directory: string;
  readonly #brokers: readonly { readonly name: string; readonly asker: Asker }[];

  constructor(stackDirectory: string, processes: readonly ProcessGroup[]) {
    this.#directory = stackDirectory;
    this.#brokers = processes
      .filter(({ name }) => name.startsWith("kafka-"))
      .map(({ name, pid }) => ({ name, asker: new Asker(pid) }));
  }

  async read(): Promise<BrokerCounters> {
    const answers = await Promise.all(this.#brokers.map(({ asker }) => asker.ask()));
    const sums: Record<string, number> = {};
    for (const answer of answers)
      for (const [key, value] of Object.entries(answer)) sums[key] = (sums[key] ?? 0) + value;
    const requests = Object.entries(sums).flatMap(([key, value]) =>
      // Skip FetchConsumer and FetchFollower, because Fetch already counts them.
      key.startsWith("request:") && !/(Consumer|Follower)$/.test(key) ? [[key.slice(8), value] as const] : [],
    );
    return {
      requests: Object.fromEntries(requests),
      messagesIn: sums["MessagesInPerSec"] ?? 0,
      bytesIn: sums["BytesInPerSec"] ?? 0,
      bytesOut: sums["BytesOutPerSec"] ?? 0,
      logBytes: this.#brokers.reduce(
        (sum, { name }) => sum + logBytes(join(this.#directory, "kafka", name, "data")),
        0,
      ),
    };
  }

  [Symbol.dispose](): void {
    for (const { asker } of this.#brokers) asker.end();
  }
}

/** Per order: the difference of two readings divided by `orders`. */
export function brokerCostPerOrder(
  before: BrokerCounters,
  after: BrokerCounters,
  orders: number,
): BrokerCounters {
  const share = (from: number, until: number) => (until - from) / Math.max(1, orders);
  return {
    requests: Object.fromEntries(
      Object.entries(after.requests)
        .map(([kind, count]) => [kind, share(before.requests[kind] ?? 0, count)] as const)
        .filter(([, count]) => count > 0)
        .toSorted(([, a], [, b]) => b - a),
    ),
    messagesIn: share(before.messagesIn, after.messagesIn),
    bytesIn: share(before.bytesIn, after.bytesIn),
    bytesOut: share(before.bytesOut, after.bytesOut),
    logBytes: share(before.logBytes, after.logBytes),
  };
}

/** Reads one broker. Returns no counters if it cannot attach: no attach module, or another user's process. */
class Asker {
  readonly #child: Bun.Subprocess<"pipe", "pipe", "ignore">;
  readonly #lines: AsyncIterator<string>;

  constructor(pid: number) {
    const program = join(import.meta.dir, "BrokerCounters.java");
    const options = ["-Xmx64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "--add-modules", "jdk.attach"];
    this.#child = Bun.spawn(["java", ...options, program, String(pid)], {
      stdio: ["pipe", "pipe", "ignore"],
    });
    this.#lines = linesOf(this.#child.stdout)[Symbol.asyncIterator]();
  }

  async ask(): Promise<Readonly<Record<string, number>>> {
    try {
      await this.#child.stdin.write("\n");
      await this.#child.stdin.flush();
      const answer = await Promise.race([this.#lines.next(), Bun.sleep(PATIENCE_MS)]);
      if (answer === undefined || answer.done === true) return {};
      const counters: Record<string, number> = JSON.parse(answer.value);
      return counters;
    } catch {
      return {};
    }
  }

  end(): void {
    this.#child.kill();
  }
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of stream) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}

/** Counts only `.log` files: the index files are preallocated. */
function logBytes(directory: string): number {
  if (!existsSync(directory)) return 0;
  return readdirSync(directory, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".log"))
    .reduce((sum, file) => sum + (statSync(join(directory, file), { throwIfNoEntry: false })?.size ?? 0), 0);
}
