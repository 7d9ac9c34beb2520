// The Sentinels of one master: a connection to each, on which they are asked where the master is and say when it moves. Used by
// redis-master.ts. Not the Sentinel client of the `redis` package, see ADR 22.
import { fieldsOf } from "./redis-reply.ts";
import type { SentinelsAddress } from "./sentinel-address.ts";
import { SentinelLink } from "./sentinel-link.ts";
import type { Place } from "./server-place.ts";

/** One that hangs delays the others' answer by this time. */
const ASK_TIMEOUT_MS = 300;
/** At first it has to connect. */
const FIRST_TIMEOUT_MS = 2_000;
interface Answer extends Place {
  /** Grows with each failover, so the highest is the newest. */
  readonly epoch: number;
}

export interface NamedMaster extends Answer {
  /** Whether more than half of the Sentinels answered. */
  readonly byMost: boolean;
}

export interface SentinelNews {
  /** The master may be another one now. */
  readonly onNews: () => void;
  /** One of them refuses to say when the master moves, and why; null when it says so again. */
  readonly onRefusal: (place: string, refused: string | null) => void;
}

export class Sentinels implements Disposable {
  readonly #name: string;
  readonly #nodes: readonly SentinelLink[];
  #askTimeoutMs = FIRST_TIMEOUT_MS;

  /** Connects in the background and never fails. */
  constructor({ name, nodes }: SentinelsAddress, { onNews, onRefusal }: SentinelNews) {
    this.#name = name;
    this.#nodes = nodes.map(
      ({ place, address }) =>
        new SentinelLink({
          place,
          address,
          onReady: onNews,
          onMoved: (message) => {
            if (message.startsWith(`${name} `)) onNews();
          },
          onRefusal: (refused) => onRefusal(place, refused),
        }),
    );
  }

  /** How many are connected. */
  get answering(): number {
    return this.#nodes.filter(({ isConnected }) => isConnected).length;
  }

  /** Why some do not say when the master moves, if they refuse that; null if none does. */
  get refused(): string | null {
    const refusing = this.#nodes.filter(({ refused }) => refused !== null);
    return refusing.length === 0
      ? null
      : refusing.map(({ place, refused }) => refusalInWords(place, refused)).join("; ");
  }

  /** Why none says where the master is. */
  get lastErrors(): string {
    const all = this.#nodes.map(({ place, lastError }) => `${place}: ${lastError}`).join("; ");
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

  async #ask(node: SentinelLink): Promise<Answer | null> {
    // During a failover only the first knows the new address already, and only the second the number of the failover.
    const questions = ["GET-MASTER-ADDR-BY-NAME", "MASTER"].map((what) => ["SENTINEL", what, this.#name]);
    try {
      const [address, master] = await node.ask(questions, this.#askTimeoutMs);
      return answerOf(address, fieldsOf(master));
    } catch {
      // The node keeps why.
      return null;
    }
  }

  [Symbol.dispose](): void {
    for (const node of this.#nodes) node[Symbol.dispose]();
  }
}

/** For people, with the way out. */
export function refusalInWords(place: string, refused: string | null): string {
  return `the Sentinel ${place} does not say when the master moves, so a failover is noticed up to 5 s later (${refused}): its user needs \`subscribe\` and the channel +switch-master, as \`checkoutctl grants redis --sentinel\` gives them`;
}

/** Null without an address. */
function answerOf(address: unknown, fields: Readonly<Record<string, string>>): Answer | null {
  const [host, port]: unknown[] = Array.isArray(address) ? address : [];
  if (typeof host !== "string") return null;
  return { host, port: Number(port), epoch: Number(fields["config-epoch"] ?? 0) };
}
