// A server in this process that speaks the protocol of Redis, for what a real one does only by chance: it answers when a test says so. Used by
// unit tests of the clients of Redis and its Sentinels.
import type { Socket } from "bun";

/** The answer to a command, in RESP; see `bulk` and `list`. */
export type Answer = (words: readonly string[]) => string | Promise<string>;

const HELLO = "%1\r\n+proto\r\n:3\r\n";

export class RespServer implements Disposable {
  /** Connections that were made, and those that are open. */
  accepted = 0;
  open = 0;
  /** The error to each SUBSCRIBE, as `NOPERM ..`; undefined: it is accepted. */
  refusal: string | undefined;
  /** Ends all connections after each. */
  dropsAfterRefusal = false;
  /** Refused ones. */
  refusals = 0;
  readonly #listener: Bun.TCPSocketListener<Connection>;
  readonly #sockets = new Set<Socket<Connection>>();
  readonly #subscribers = new Map<Socket<Connection>, Set<string>>();

  constructor(answer: Answer) {
    const subscribers = this.#subscribers;
    const sockets = this.#sockets;
    const refuse = (): string | undefined => {
      if (this.refusal === undefined) return undefined;
      this.refusals += 1;
      if (this.dropsAfterRefusal) setImmediate(() => this.drop());
      return `-${this.refusal}\r\n`;
    };
    this.#listener = Bun.listen<Connection>({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        open: (socket) => {
          socket.data = { text: "", answered: Promise.resolve() };
          sockets.add(socket);
          this.accepted += 1;
          this.open += 1;
        },
        close: (socket) => {
          subscribers.delete(socket);
          sockets.delete(socket);
          this.open -= 1;
        },
        data(socket, bytes) {
          const { data } = socket;
          data.text += bytes.toString();
          for (let words = takeCommand(data); words !== undefined; words = takeCommand(data)) {
            const command = words;
            data.answered = data.answered.then(
              async () => void socket.write(await answerTo(socket, command)),
            );
          }
        },
      },
    });
    async function answerTo(socket: Socket<Connection>, words: readonly string[]): Promise<string> {
      const [name = "", ...channels] = words;
      // The client's own. Without a version of the protocol it is a question, for the test.
      if (name === "HELLO" && channels.length > 0) return HELLO;
      if (name.toUpperCase() !== "SUBSCRIBE") return answer(words);
      const refusal = refuse();
      if (refusal !== undefined) return refusal;
      const own = subscribers.get(socket) ?? new Set();
      subscribers.set(socket, own);
      return channels
        .map((channel) => `>3\r\n${bulk("subscribe")}${bulk(channel)}:${own.add(channel).size}\r\n`)
        .join("");
    }
  }

  get port(): number {
    return this.#listener.port;
  }

  /** Connections that have subscribed to a channel. */
  get subscriptions(): number {
    return this.#subscribers.size;
  }

  /** Ends the connections that are open. */
  drop(): void {
    for (const socket of this.#sockets) socket.end();
  }

  publish(channel: string, message: string): void {
    for (const [socket, channels] of this.#subscribers)
      if (channels.has(channel)) socket.write(`>3\r\n${bulk("message")}${bulk(channel)}${bulk(message)}`);
  }

  [Symbol.dispose](): void {
    this.#listener.stop(true);
  }
}

interface Connection {
  /** What came and is not a whole command yet. */
  text: string;
  /** Answers are sent in the order of their commands. */
  answered: Promise<void>;
}

export function bulk(text: string): string {
  return `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
}

export function list(...texts: readonly string[]): string {
  return `*${texts.length}\r\n${texts.map(bulk).join("")}`;
}

/** Takes the first whole command; undefined without one. Of words without line breaks. */
function takeCommand(connection: Connection): readonly string[] | undefined {
  const lines = connection.text.split("\r\n");
  const count = Number(/^\*(\d+)$/.exec(lines[0] ?? "")?.[1] ?? Number.NaN);
  if (Number.isNaN(count) || lines.length < 2 * count + 2) return undefined;
  connection.text = lines.slice(2 * count + 1).join("\r\n");
  return Array.from({ length: count }, (_, index) => lines[2 * index + 2] ?? "");
}
