// A minimal HTTP/1.1 client for a driver on the same machine as the system under test: keep-alive connections with one request at a
// time. `fetch` costs as much CPU per request as the gateway itself, which would reduce the capacity at saturation. Used by the load
// scenarios; all other code uses `fetch`.
import type { Socket } from "bun";

const REQUEST_TIMEOUT_MS = 10_000;
const SWEEP_MS = 1_000;
const HEAD_END = Buffer.from("\r\n\r\n");

export interface Answer {
  readonly status: number;
  readonly text: string;
}

interface Job {
  readonly request: Buffer;
  readonly deadline: number;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

export class HttpClient implements Disposable {
  readonly #host: string;
  readonly #port: number;
  readonly #connections: Connection[];
  readonly #free: Connection[];
  readonly #waiting: Job[] = [];
  readonly #sweep: ReturnType<typeof setInterval>;

  /** `origin` is like `http://127.0.0.1:8080`. Connects at the first request. */
  constructor(origin: string, count: number) {
    const { hostname, port } = new URL(origin);
    this.#host = hostname;
    this.#port = Number(port);
    const onFree = (connection: Connection) => this.#next(connection);
    this.#connections = Array.from({ length: count }, () => new Connection(this.#host, this.#port, onFree));
    this.#free = [...this.#connections];
    this.#sweep = setInterval(() => this.#expire(Date.now()), SWEEP_MS);
  }

  /** `headers` are lines with line ends. Rejects on a timeout or on an unsupported answer. */
  post(path: string, headers: string, body: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const bytes = Buffer.byteLength(body);
      const head = `POST ${path} HTTP/1.1\r\nhost: ${this.#host}:${this.#port}\r\n${headers}content-length: ${bytes}\r\n\r\n`;
      const job = {
        request: Buffer.from(head + body),
        deadline: Date.now() + REQUEST_TIMEOUT_MS,
        resolve,
        reject,
      };
      const connection = this.#free.pop();
      if (connection === undefined) this.#waiting.push(job);
      else connection.take(job);
    });
  }

  [Symbol.dispose](): void {
    clearInterval(this.#sweep);
    this.#expire(Number.POSITIVE_INFINITY);
    for (const connection of this.#connections) connection.close();
  }

  #next(connection: Connection): void {
    const job = this.#waiting.shift();
    if (job === undefined) this.#free.push(connection);
    else connection.take(job);
  }

  #expire(now: number): void {
    while ((this.#waiting[0]?.deadline ?? Number.POSITIVE_INFINITY) < now)
      this.#waiting.shift()?.reject(new Error("no answer in time"));
    for (const connection of this.#connections) connection.expire(now);
  }
}

/** One connection; it reconnects if the server closes it. */
class Connection {
  readonly #host: string;
  readonly #port: number;
  readonly #onFree: (connection: Connection) => void;
  #socket: Socket | undefined;
  #job: Job | undefined;
  #received: Buffer[] = [];
  /** The connection has had an answer before, so the server may close it as idle while the next request is in transit. */
  #isUsed = false;

  constructor(host: string, port: number, onFree: (connection: Connection) => void) {
    this.#host = host;
    this.#port = port;
    this.#onFree = onFree;
  }

  take(job: Job): void {
    this.#job = job;
    if (this.#socket === undefined) void this.#connect();
    else this.#send(this.#socket, job);
  }

  expire(now: number): void {
    if (this.#job !== undefined && this.#job.deadline < now) this.#fail(new Error("no answer in time"));
  }

  close(): void {
    this.#socket?.end();
    this.#socket = undefined;
  }

  async #connect(): Promise<void> {
    this.#isUsed = false;
    try {
      const socket = await Bun.connect({
        hostname: this.#host,
        port: this.#port,
        socket: {
          data: (from, bytes) => this.#read(from, bytes),
          close: (from) => this.#closed(from),
          error: (from) => this.#closed(from),
        },
      });
      this.#socket = socket;
      if (this.#job !== undefined) this.#send(socket, this.#job);
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #send(socket: Socket, { request }: Job): void {
    this.#received = [];
    if (socket.write(request) !== request.length)
      this.#fail(new Error("the connection did not take the request"));
  }

  #read(from: Socket, bytes: Buffer): void {
    if (from !== this.#socket) return;
    // The socket reuses its buffer.
    this.#received.push(Buffer.from(bytes));
    const all = this.#received.length === 1 ? (this.#received[0] ?? bytes) : Buffer.concat(this.#received);
    const answer = answerIn(all);
    if (answer === "incomplete") return;
    if (answer instanceof Error) return this.#fail(answer);
    this.#isUsed = true;
    const job = this.#job;
    this.#job = undefined;
    this.#received = [];
    job?.resolve(answer);
    this.#onFree(this);
  }

  #closed(from: Socket): void {
    if (from !== this.#socket) return;
    this.#socket = undefined;
    if (this.#job === undefined) return;
    // The server closed an idle connection and did not process the request. If it did, the Idempotency-Key covers the repeat.
    if (this.#isUsed && this.#received.length === 0) void this.#connect();
    else this.#fail(new Error("the connection was closed"));
  }

  #fail(error: Error): void {
    const job = this.#job;
    this.#job = undefined;
    this.#received = [];
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.terminate();
    if (job === undefined) return;
    job.reject(error);
    this.#onFree(this);
  }
}

/** Parses an answer with a content-length; the gateway sends no other kind here. */
export function answerIn(bytes: Buffer): Answer | "incomplete" | Error {
  const end = bytes.indexOf(HEAD_END);
  if (end < 0) return "incomplete";
  const head = bytes.toString("latin1", 0, end);
  const status = Number(head.slice(9, 12));
  const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? Number.NaN);
  if (!Number.isInteger(length) || !(status >= 100))
    return new Error(`unsupported answer: ${head.slice(0, 200)}`);
  const from = end + HEAD_END.length;
  if (bytes.length < from + length) return "incomplete";
  return { status, text: bytes.toString("utf8", from, from + length) };
}
